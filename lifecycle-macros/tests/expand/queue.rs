struct Audit {
    cfg: Config,
    events: Intake<Event>,
}
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle as __lifecycle;
    impl __lifecycle::__private::Declared for Audit {
        type Shape = __lifecycle::__private::QueueShape;
    }
    #[automatically_derived]
    impl __lifecycle::__private::QueueService for Audit {
        const RETRY: __lifecycle::__private::Retry = __lifecycle::__private::Retry::new(
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
