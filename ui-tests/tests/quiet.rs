//! Generated code gives no warning that its user could see: every lint is an error here, for rustc
//! and for clippy.

#![deny(
    warnings,
    future_incompatible,
    keyword_idents,
    let_underscore,
    nonstandard_style,
    rust_2018_idioms,
    rust_2021_compatibility,
    rust_2024_compatibility,
    unused,
    absolute_paths_not_starting_with_crate,
    ambiguous_negative_literals,
    closure_returning_async_block,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    impl_trait_redundant_captures,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    redundant_imports,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unsafe_code,
    unused_extern_crates,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::cargo,
    clippy::restriction
)]
#![allow(
    clippy::cargo_common_metadata,
    clippy::multiple_crate_versions,
    reason = "about the packages of the workspace, not about code"
)]
#![allow(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::arbitrary_source_item_ordering,
    clippy::blanket_clippy_restriction_lints,
    clippy::empty_structs_with_brackets,
    clippy::exhaustive_structs,
    clippy::implicit_return,
    clippy::missing_inline_in_public_items,
    clippy::missing_trait_methods,
    clippy::partial_pub_fields,
    clippy::single_call_fn,
    clippy::single_char_lifetime_names,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::tests_outside_test_module,
    reason = "about what is written here, as anybody would write it"
)]

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{
    Context, Idle, Intake, Oneshot, Queue, Registry, Result, Scheduled, Worker, registry, service,
};

/// Keeps what is stored.
#[service(idle)]
#[derive(Debug, Clone, Copy)]
pub struct Store;

/// Keeps it longer.
#[deprecated = "use `Store`"]
#[service(idle)]
#[derive(Debug, Clone, Copy)]
pub struct OldStore {
    /// How much longer.
    pub factor: u8,
}

/// Deletes what is old.
#[service(scheduled(interval = "cfg.interval"))]
#[derive(Debug)]
pub struct Collector {
    cfg: Arc<Config>,
}

/// When.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// From one time to the next.
    pub interval: Duration,
}

/// Deletes at fixed times.
#[service(scheduled(interval = "1h 250ms"))]
#[derive(Debug, Clone, Copy)]
pub struct Fixed;

/// Deletes at times that it knows.
#[service(scheduled(interval = self.0 * 2))]
#[derive(Debug, Clone, Copy)]
pub struct Computed(Duration);

/// Deletes with every option there is.
#[service(
    startup(retry = "100ms..10s"),
    scheduled(
        delay = self.cfg.interval,
        initial_delay = { self.cfg.interval * 2 },
        jitter = "cfg.interval",
        tick_timeout = (self.cfg.interval),
        on_error = continue,
        max_failures = 3
    )
)]
#[derive(Debug, Clone, Copy)]
pub struct Careful {
    cfg: Config,
}

/// Deletes at night.
#[service(scheduled(
    cron = "0 3 * * MON-FRI",
    tz = "Europe/Berlin",
    first = immediate,
    missed = skip,
    jitter = "5m"
))]
#[derive(Debug, Clone, Copy)]
pub struct Nightly;

/// Deletes when it is told to.
#[service(scheduled(cron = "cron", tz = { self.zone }))]
#[derive(Debug, Clone)]
pub struct Told {
    cron: String,
    zone: &'static str,
}

/// Deletes when it knows.
#[service(scheduled(cron = (self.0), tz = self.0.trim()))]
#[derive(Debug, Clone)]
pub struct Knowing(String);

/// Gathers what is to be deleted.
#[service(queue(size = "size", interval = "1s", retry = "100ms..10s", attempts = 3))]
#[derive(Debug)]
pub struct Gatherer<T> {
    things: Intake<T>,
    size: usize,
}

/// Consumes what is in a queue.
#[service(worker)]
#[derive(Debug)]
pub struct Consumer<'a, T, const N: usize>
where
    T: Clone,
{
    /// The queue.
    pub queue: &'a [T; N],
}

/// Does one thing.
#[service(oneshot, crate = ::lifecycle)]
#[derive(Debug, Clone, Copy)]
pub struct Migration {}

/// Looks at something.
#[service(idle)]
#[derive(Debug, Clone, Copy)]
pub struct View<'a>(pub &'a str);

impl Idle for Store {}

#[allow(deprecated)]
impl Idle for OldStore {}

impl Idle for View<'_> {}

impl Scheduled for Collector {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl Scheduled for Fixed {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl Scheduled for Computed {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl Scheduled for Nightly {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl Scheduled for Told {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl Scheduled for Knowing {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl Scheduled for Careful {
    async fn tick(&self, _: &Context) -> Result {
        Ok(())
    }
}

impl<T: Send + Sync + 'static> Queue for Gatherer<T> {
    type Item = T;

    fn intake(&self) -> &Intake<T> {
        &self.things
    }

    async fn flush(&self, _: &[T], _: &Context) -> Result {
        Ok(())
    }
}

impl<T: Clone + Send + Sync, const N: usize> Worker for Consumer<'_, T, N> {
    async fn run(&self, cx: &Context) -> Result {
        cx.stop_channel().closed().await;
        Ok(())
    }
}

impl Oneshot for Migration {
    async fn run(&self, _: &Context) -> Result {
        Ok(())
    }
}

fn assemble(limit: Duration) -> Registry {
    let cfg = Arc::new(Config { interval: limit });
    registry! {
        deadline = "25s",
        shutdown_delay = limit,

        "migration" => Migration {},
        "store" => Store, after = ["migration"], start_timeout = "1234567890ns",
        "collector" => Collector { cfg }, after = ["store"], stop_timeout = limit,
        #[cfg(all())]
        "fixed" => Fixed, after = ["store"], on_failure = ignore,
        "computed" => Computed(limit), after = [], on_failure = shutdown,
        "careful" => Careful { cfg: Config { interval: limit } },
        "nightly" => Nightly,
        "told" => Told { cron: "0 3 * * *".to_owned(), zone: "UTC" },
        "knowing" => Knowing("0 3 * * *".to_owned()),
        "gatherer" => Gatherer { things: Intake::<u8>::bounded(9), size: 3 },
        "consumer" => Consumer { queue: &[1, 2] }, after = ["store", "collector"],
        "view" => View("static"),
    }
}

#[test]
fn no_lint_is_heard() {
    let registry = assemble(Duration::from_secs(5));
    drop(registry);
}

#[test]
fn nor_in_the_body_of_a_function() {
    /// Local.
    #[service(scheduled(interval = "every"))]
    struct Local<T> {
        every: Duration,
        _rest: T,
    }

    impl<T: Send + Sync> Scheduled for Local<T> {
        async fn tick(&self, _: &Context) -> Result {
            Ok(())
        }
    }

    let every = Duration::from_secs(1);
    let registry = registry! { "local" => Local { every, _rest: "" } };
    drop(registry);
}
