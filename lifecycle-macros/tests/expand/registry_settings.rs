fn main() {
    let registry = {
        use ::lifecycle as __lifecycle;
        let mut registry = __lifecycle::__private::assembly();
        registry.deadline(::core::time::Duration::new(90, 0));
        registry.shutdown_delay(::core::time::Duration::new(0, 0));
        registry.service("sdk", sdk).on_failure(__lifecycle::OnFailure::Ignore);
        registry
            .service("store", store)
            .after(&["sdk"])
            .start_timeout(::core::time::Duration::new(0, 250000000))
            .stop_timeout(cfg.stop_timeout)
            .on_failure(__lifecycle::OnFailure::Shutdown);
        registry.finish()
    };
}
