struct Poller(Config);
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle as __lifecycle;
    impl __lifecycle::__private::Declared for Poller {
        type Shape = __lifecycle::__private::ScheduledShape;
    }
    #[automatically_derived]
    impl __lifecycle::__private::ScheduledService for Poller {
        const PLAN: __lifecycle::__private::Plan = __lifecycle::__private::Plan::new(
            __lifecycle::__private::Kind::Delay,
            "self . 0 . pause",
        );
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
