struct Nightly {
    cfg: Config,
}
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Nightly {
        type Shape = __lifecycle::CronShape;
    }
    #[automatically_derived]
    impl __lifecycle::CronService for Nightly {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::cron("0 3 * * MON-FRI")
            .missed(__lifecycle::Missed::Skip);
        fn cron(&self) -> __lifecycle::Written {
            __lifecycle::Written::Borrowed("0 3 * * MON-FRI")
        }
        const TZ: &'static ::core::primitive::str = "cfg.tz";
        fn tz(&self) -> __lifecycle::Written {
            __lifecycle::text(&self.cfg.tz)
        }
        fn jitter(&self) -> ::core::time::Duration {
            ::core::time::Duration::new(300, 0)
        }
    }
};
