struct Collector {
    cfg: Config,
}
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Collector {
        type Shape = __lifecycle::ScheduledShape;
    }
    #[automatically_derived]
    impl __lifecycle::ScheduledService for Collector {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::interval("cfg.gc.r#type");
        fn period(&self) -> ::core::time::Duration {
            let __interval: &::core::time::Duration = &self.cfg.gc.r#type;
            *__interval
        }
    }
};
