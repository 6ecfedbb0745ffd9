struct Collector {
    cfg: Config,
}
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
            "cfg.gc.r#type",
        );
        fn period(&self) -> ::core::time::Duration {
            let __interval: &::core::time::Duration = &self.cfg.gc.r#type;
            *__interval
        }
    }
};
