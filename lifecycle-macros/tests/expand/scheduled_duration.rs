struct Collector;
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Collector {
        type Shape = __lifecycle::ScheduledShape;
    }
    #[automatically_derived]
    impl __lifecycle::ScheduledService for Collector {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::interval("1h 30m");
        fn period(&self) -> ::core::time::Duration {
            ::core::time::Duration::new(5400, 0)
        }
    }
};
