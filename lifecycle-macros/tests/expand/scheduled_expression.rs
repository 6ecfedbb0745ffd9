struct Collector(Config);
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Collector {
        type Shape = __lifecycle::ScheduledShape;
    }
    #[automatically_derived]
    impl __lifecycle::ScheduledService for Collector {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::interval(
            "self.0.interval() * 2",
        );
        fn period(&self) -> ::core::time::Duration {
            self.0.interval() * 2
        }
    }
};
