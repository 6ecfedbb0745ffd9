struct Nightly(Config);
#[allow(deprecated, single_use_lifetimes)]
const _: () = {
    use ::lifecycle::__private as __lifecycle;
    impl __lifecycle::Declared for Nightly {
        type Shape = __lifecycle::CronShape;
    }
    #[automatically_derived]
    impl __lifecycle::CronService for Nightly {
        const PLAN: __lifecycle::Plan = __lifecycle::Plan::cron("self.0.cron()");
        fn cron(&self) -> __lifecycle::Written {
            __lifecycle::text(&(self.0.cron()))
        }
        const TZ: &'static ::core::primitive::str = "Europe/Berlin";
        fn tz(&self) -> __lifecycle::Written {
            __lifecycle::Written::Borrowed("Europe/Berlin")
        }
    }
};
