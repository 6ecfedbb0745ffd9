struct Poller(Config);
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Poller {
        type Shape = __lifecycle::ScheduledShape;
    }
    #[automatically_derived]
    impl __lifecycle::ScheduledService for Poller {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::delay("self.0.pause");
        fn period(&self) -> ::core::time::Duration {
            self.0.pause
        }
        fn initial_delay(&self) -> ::core::option::Option<::core::time::Duration> {
            ::core::option::Option::Some(::core::time::Duration::new(90, 0))
        }
        fn tick_timeout(&self) -> ::core::option::Option<::core::time::Duration> {
            ::core::option::Option::Some(::core::time::Duration::new(5, 0))
        }
    }
};
