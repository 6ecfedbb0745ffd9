struct Collector {
    every: Duration,
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
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::interval("every")
            .first(__lifecycle::First::Immediate)
            .missed(__lifecycle::Missed::Skip)
            .on_error(__lifecycle::OnError::Continue)
            .on_panic(__lifecycle::OnPanic::Continue)
            .max_failures(3);
        fn period(&self) -> ::core::time::Duration {
            let __interval: &::core::time::Duration = &self.every;
            *__interval
        }
        fn jitter(&self) -> ::core::time::Duration {
            let __jitter: &::core::time::Duration = &self.cfg.jitter;
            *__jitter
        }
        fn tick_timeout(&self) -> ::core::option::Option<::core::time::Duration> {
            #[allow(unused_braces, unused_parens)]
            let __tick_timeout: ::core::time::Duration = self.cfg.limit();
            ::core::option::Option::Some(__tick_timeout)
        }
    }
};
