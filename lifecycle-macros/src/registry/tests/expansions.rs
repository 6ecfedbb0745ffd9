//! Compared with `tests/expand`; `UPDATE_EXPECT=1` writes those files anew.

use expect_test::expect_file;
use quote::quote;

use crate::tests::expansion::check_expression;

use super::expand_registry;

#[test]
fn the_entries() {
    let expansion = expand_registry(&quote! {
        "sdk" => sdk,
        "store" => Store::open(path)?, after = ["sdk"],
        "api" => Api { store }, after = ["store", "sdk"],
    });
    check_expression(
        &expect_file!["../../../tests/expand/registry.rs"],
        &expansion,
    );
}

#[test]
fn the_settings() {
    let expansion = expand_registry(&quote! {
        deadline = "1m 30s",
        shutdown_delay = "0s",
        leases = store.clone(),
        lease_term = "1m",
        "sdk" => sdk, before = all, on_failure = ignore,
        "store" => store,
            after = ["sdk"],
            wants = ["cache"],
            start_timeout = "250ms",
            stop_timeout = cfg.stop_timeout,
            on_failure = shutdown,
        "cache" => cache, on_failure = restart,
        "feed" => feed,
            after = ["store"],
            on_failure = restart(backoff = "100ms..30s", max = 10, reset = cfg.reset, then = ignore),
            restart_with = ["store"],
        "page" => page, on_failure = restart(max = forever), on_late = ignore,
        "nightly" => nightly, replicas = one
    });
    check_expression(
        &expect_file!["../../../tests/expand/registry_settings.rs"],
        &expansion,
    );
}

#[test]
fn entries_under_a_condition() {
    let expansion = expand_registry(&quote! {
        "store" => store,
        #[cfg(feature = "api")]
        #[cfg(unix)]
        "api" => Api, wants = ["cache"], after = ["store"],
        "cache" => cache, before = all,
        #[cfg(not(feature = "api"))]
        "api" => Stub,
    });
    check_expression(
        &expect_file!["../../../tests/expand/registry_cfg.rs"],
        &expansion,
    );
}

#[test]
fn problems_leave_what_is_sound() {
    let expansion = expand_registry(&quote! {
        deadlin = cfg.deadline,
        "store" => store.connect()., after = ["cache"],
        "api" => Api, after = ["store"], stop_timeout = 10,
        tokenizer.clone(),
    });
    check_expression(
        &expect_file!["../../../tests/expand/registry_fallback.rs"],
        &expansion,
    );
}
