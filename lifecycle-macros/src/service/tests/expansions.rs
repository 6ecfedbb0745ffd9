//! Compared with `tests/expand`; `UPDATE_EXPECT=1` writes those files anew.

use std::fs;
use std::path::Path;

use expect_test::expect_file;
use quote::quote;

use crate::service::expand;
use crate::tests::expansion::check_items;

#[test]
fn idle() {
    let expansion = expand(
        quote!(idle),
        quote! {
            /// Issues tokens.
            #[derive(Debug)]
            pub struct Tokenizer;
        },
    );
    check_items(&expect_file!["../../../tests/expand/idle.rs"], expansion);
}

#[test]
fn worker_of_a_tuple_struct() {
    let expansion = expand(
        quote!(worker),
        quote!(
            pub(crate) struct Consumer(Queue);
        ),
    );
    check_items(&expect_file!["../../../tests/expand/worker.rs"], expansion);
}

#[test]
fn server_whose_bind_is_tried_again() {
    let expansion = expand(
        quote!(server, startup(retry = "100ms..10s")),
        quote!(
            struct Api {
                address: String,
            }
        ),
    );
    check_items(&expect_file!["../../../tests/expand/server.rs"], expansion);
}

#[test]
fn oneshot_in_the_background() {
    let expansion = expand(
        quote!(oneshot(background)),
        quote!(
            struct Warmup;
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/oneshot_background.rs"],
        expansion,
    );
}

#[test]
fn oneshot_under_another_crate_name() {
    let expansion = expand(
        quote!(oneshot, crate = ::framework::lifecycle),
        quote!(
            struct Migration;
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/crate_path.rs"],
        expansion,
    );
}

#[test]
fn scheduled_by_a_duration() {
    let expansion = expand(
        quote!(scheduled(interval = "1h 30m")),
        quote!(
            struct Collector;
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/scheduled_duration.rs"],
        expansion,
    );
}

#[test]
fn scheduled_by_a_field_path() {
    let expansion = expand(
        quote!(scheduled(interval = "cfg.gc.r#type")),
        quote!(
            struct Collector {
                cfg: Config,
            }
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/scheduled_path.rs"],
        expansion,
    );
}

#[test]
fn scheduled_by_an_expression() {
    let expansion = expand(
        quote!(scheduled(interval = self.0.interval() * 2)),
        quote!(
            struct Collector(Config);
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/scheduled_expression.rs"],
        expansion,
    );
}

#[test]
fn scheduled_with_every_option() {
    let expansion = expand(
        quote!(scheduled(
            interval = "every",
            first = immediate,
            jitter = "cfg.jitter",
            missed = skip,
            tick_timeout = self.cfg.limit(),
            on_error = continue,
            on_panic = continue,
            max_failures = 3,
        )),
        quote!(
            struct Collector {
                every: Duration,
                cfg: Config,
            }
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/scheduled_options.rs"],
        expansion,
    );
}

#[test]
fn scheduled_with_catch_up() {
    let expansion = expand(
        quote!(scheduled(
            interval = "24h",
            missed = burst,
            catch_up = "cfg.catch_up"
        )),
        quote!(
            struct Report {
                cfg: Config,
            }
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/scheduled_catch_up.rs"],
        expansion,
    );
}

#[test]
fn scheduled_by_a_delay() {
    let expansion = expand(
        quote!(scheduled(
            delay = self.0.pause,
            initial_delay = "1m 30s",
            tick_timeout = "5s"
        )),
        quote!(
            struct Poller(Config);
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/scheduled_delay.rs"],
        expansion,
    );
}

#[cfg(feature = "cron")]
#[test]
fn scheduled_by_cron() {
    let expansion = expand(
        quote!(scheduled(
            cron = "0 3 * * MON-FRI",
            tz = "cfg.tz",
            missed = skip,
            jitter = "5m"
        )),
        quote!(
            struct Nightly {
                cfg: Config,
            }
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/scheduled_cron.rs"],
        expansion,
    );
}

#[cfg(feature = "cron")]
#[test]
fn scheduled_by_a_cron_of_its_own() {
    let expansion = expand(
        quote!(scheduled(cron = self.0.cron(), tz = "Europe/Berlin")),
        quote!(
            struct Nightly(Config);
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/scheduled_cron_expression.rs"],
        expansion,
    );
}

#[test]
fn queue() {
    let expansion = expand(
        quote!(queue(
            size = "cfg.size",
            interval = "1s",
            retry = "50ms..5s",
            attempts = 8
        )),
        quote!(
            struct Audit {
                cfg: Config,
                events: Intake<Event>,
            }
        ),
    );
    check_items(&expect_file!["../../../tests/expand/queue.rs"], expansion);
}

#[test]
fn queue_with_options() {
    let expansion = expand(
        quote!(queue(
            size = 100,
            interval = "1s",
            attempts_used_up = drop,
            flush_timeout = "5s",
            overflow = drop_oldest
        )),
        quote!(
            struct Metrics {
                samples: Intake<Sample>,
            }
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/queue_options.rs"],
        expansion,
    );
}

#[test]
fn startup_with_retry() {
    let expansion = expand(
        quote!(idle, startup(retry = "100ms..10s")),
        quote!(
            struct Store;
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/startup_retry.rs"],
        expansion,
    );
}

#[test]
fn a_generic_struct() {
    let expansion = expand(
        quote!(scheduled(interval = "every")),
        quote! {
            struct Cache<'a, K: Ord, V = u32, const N: usize = 8>
            where
                V: Clone,
            {
                every: Duration,
                map: Map<&'a K, V, N>,
            }
        },
    );
    check_items(&expect_file!["../../../tests/expand/generic.rs"], expansion);
}

#[test]
fn a_struct_with_a_lifetime() {
    let expansion = expand(
        quote!(idle),
        quote!(
            struct View<'a>(&'a str)
            where
                'a: 'static;
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/lifetime.rs"],
        expansion,
    );
}

#[test]
fn a_problem_leaves_the_item_and_a_stub() {
    let expansion = expand(
        quote!(scheduled(interval = self.cfg.), retries = 3),
        quote!(
            struct Collector<T> {
                cfg: Config<T>,
            }
        ),
    );
    check_items(
        &expect_file!["../../../tests/expand/fallback.rs"],
        expansion,
    );
}

#[test]
fn a_second_attribute_is_taken_out() {
    let item = quote!(
        #[lifecycle::service(worker)]
        #[other::service]
        struct Gc;
    );
    let expansion = expand(quote!(idle), item).to_string();
    assert!(!expansion.contains("worker") && expansion.contains("other"));
}

/// The page on generated code shows expansions that the tests here compare: each block is one of
/// them, word by word.
#[test]
fn the_guide_shows_real_expansions() {
    let Some(page) = beside_the_package("lifecycle/docs/generated.md") else {
        return;
    };
    let blocks = page.split("```").skip(1).step_by(2);
    let shown: Vec<&str> = blocks
        .filter_map(|block| block.strip_prefix("rust,ignore\n"))
        .collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expand");
    let files = fs::read_dir(folder).expect("the folder of expansions");
    let real: Vec<String> = files
        .map(|file| fs::read_to_string(file.expect("a file").path()).expect("an expansion"))
        .collect();
    assert!(shown.len() > 8, "one for each kind");
    for block in shown {
        assert!(
            real.iter().any(|real| real == block),
            "no test expands to:\n{block}"
        );
    }
}

#[test]
fn the_readme_shows_a_real_expansion() {
    let Some(readme) = beside_the_package("README.md") else {
        return;
    };
    let expansion = expand(
        quote!(scheduled(interval = "cfg.gc.interval")),
        quote!(
            struct OpaqueTokenizer {
                cfg: Config,
                store: Store,
            }
        ),
    );
    let file = syn::parse2(expansion).expect("the expansion is a sequence of items");
    let expansion = prettyplease::unparse(&file);
    assert!(
        readme.contains(&expansion),
        "the README should show:\n{expansion}"
    );
}

/// A page of the workspace. `None` where this package stands alone, as it was published: read when
/// the tests run, because an `include_str!` of it would not compile there.
fn beside_the_package(page: &str) -> Option<String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    if !workspace.join("lifecycle-macros").is_dir() {
        return None;
    }
    Some(fs::read_to_string(workspace.join(page)).expect("a page of the workspace"))
}
