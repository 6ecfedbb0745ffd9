struct Report {
    cfg: Config,
}
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Report {
        type Shape = __lifecycle::CatchUpShape;
    }
    #[automatically_derived]
    impl __lifecycle::ScheduledService for Report {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::interval("24h")
            .missed(__lifecycle::Missed::Burst);
        fn period(&self) -> ::core::time::Duration {
            ::core::time::Duration::new(86400, 0)
        }
        fn catch_up(&self) -> ::core::time::Duration {
            let __catch_up: &::core::time::Duration = &self.cfg.catch_up;
            *__catch_up
        }
    }
};
