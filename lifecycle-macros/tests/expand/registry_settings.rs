fn main() {
    let registry = {
        use ::lifecycle as __lifecycle;
        let mut __registry = __lifecycle::__private::assembly();
        __registry.deadline(::core::time::Duration::new(90, 0));
        __registry.shutdown_delay(::core::time::Duration::new(0, 0));
        __registry.leases(store.clone());
        __registry.lease_term(::core::time::Duration::new(60, 0));
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
        __registry
            .service("cache", cache)
            .on_failure(__lifecycle::OnFailure::Restart(__lifecycle::Restart::new()));
        __registry
            .service("feed", feed)
            .after(&["store"])
            .on_failure(
                __lifecycle::OnFailure::Restart(
                    __lifecycle::Restart::new()
                        .backoff(
                            ::core::time::Duration::new(0, 100000000),
                            ::core::time::Duration::new(30, 0),
                        )
                        .max(10)
                        .reset(cfg.reset)
                        .then(__lifecycle::Then::Ignore),
                ),
            )
            .restart_with(&["store"]);
        __registry
            .service("page", page)
            .on_failure(
                __lifecycle::OnFailure::Restart(__lifecycle::Restart::new().forever()),
            )
            .on_late(__lifecycle::OnLate::Ignore);
        __registry.service("nightly", nightly).one_replica();
        __registry.finish()
    };
}
