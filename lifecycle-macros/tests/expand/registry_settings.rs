fn main() {
    let registry = {
        use ::lifecycle as __lifecycle;
        let mut __registry = __lifecycle::__private::assembly();
        __registry.deadline(::core::time::Duration::new(90, 0));
        __registry.shutdown_delay(::core::time::Duration::new(0, 0));
        __registry
            .service("sdk", sdk)
            .before_all()
            .on_failure(__lifecycle::OnFailure::Ignore);
        __registry
            .service("store", store)
            .after(&["sdk"])
            .wants(&["cache"])
            .start_timeout(::core::time::Duration::new(0, 250000000))
            .stop_timeout(cfg.stop_timeout)
            .on_failure(__lifecycle::OnFailure::Shutdown);
        __registry.service("cache", cache);
        __registry.finish()
    };
}
