struct Collector;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle as __lifecycle;
    impl __lifecycle::__private::Declared for Collector {
        type Shape = __lifecycle::__private::ScheduledShape;
    }
    #[automatically_derived]
    impl __lifecycle::__private::ScheduledService for Collector {
        const PLAN: __lifecycle::__private::Plan = __lifecycle::__private::Plan::new(
            __lifecycle::__private::Kind::Interval,
            "1h 30m",
        );
        fn period(&self) -> ::core::time::Duration {
            ::core::time::Duration::new(5400, 0)
        }
    }
};
