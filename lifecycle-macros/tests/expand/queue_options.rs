struct Metrics {
    samples: Intake<Sample>,
}
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Metrics {
        type Shape = __lifecycle::QueueShape;
    }
    #[automatically_derived]
    impl __lifecycle::QueueService for Metrics {
        const ATTEMPTS_USED_UP: __lifecycle::AttemptsUsedUp = __lifecycle::AttemptsUsedUp::Drop;
        const OVERFLOW: __lifecycle::Overflow = __lifecycle::Overflow::DropOldest;
        const INTERVAL: &'static ::core::primitive::str = "1s";
        fn size(&self) -> ::core::primitive::usize {
            100
        }
        fn interval(&self) -> ::core::time::Duration {
            ::core::time::Duration::new(1, 0)
        }
        fn flush_timeout(&self) -> ::core::option::Option<::core::time::Duration> {
            ::core::option::Option::Some(::core::time::Duration::new(5, 0))
        }
    }
};
