struct Audit {
    cfg: Config,
    events: Intake<Event>,
}
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Audit {
        type Shape = __lifecycle::QueueShape;
    }
    #[automatically_derived]
    impl __lifecycle::QueueService for Audit {
        const RETRY: __lifecycle::Retry = __lifecycle::Retry::new(
            ::core::time::Duration::new(0, 50000000),
            ::core::time::Duration::new(5, 0),
        );
        const ATTEMPTS: ::core::primitive::u32 = 8;
        const INTERVAL: &'static ::core::primitive::str = "1s";
        fn size(&self) -> ::core::primitive::usize {
            let __size: &::core::primitive::usize = &self.cfg.size;
            *__size
        }
        fn interval(&self) -> ::core::time::Duration {
            ::core::time::Duration::new(1, 0)
        }
    }
};
