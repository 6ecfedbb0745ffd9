//! An identity server: users log in, get a token and ask who they are. A real program on a real database, whose parts
//! start in order, stop in order and lose nothing that a client was told.
//!
//! Try `cargo run --bin identity`, the requests in `examples/README.md` ("Requests"), and Ctrl-C in the middle of them.

#![expect(
    unreachable_pub,
    reason = "a program exports nothing: `pub` is what a module shows to the others"
)]

mod api;
mod clock;
mod config;
#[cfg(test)]
mod conformance;
mod instrumentation;
mod log;
mod password;
mod private;
mod settings;
mod store;
mod tokenizer;
mod users;

use std::{process, sync::Arc};

use lifecycle::{Outcome, registry};
use lifecycle_ops::Ops;

use self::{
    api::Api, config::Source, instrumentation::Instrumentation, settings::Settings, store::Store,
    users::Users,
};

#[tokio::main]
async fn main() -> Outcome {
    let level = log::to_stderr();
    let source = Source::of_process().unwrap_or_else(|error| refuse(&error));
    let config = source.read().unwrap_or_else(|error| refuse(&error));

    let settings = Arc::new(Settings::new(source, config.clone(), level));
    let store = Arc::new(Store::new(config.data.join("identity.sqlite")));
    let users = Arc::new(Users::new(&config, store.clone()));
    let tokenizer = tokenizer::choose(&config, settings.clone(), store.clone());
    let api = Api::new(config.api.clone(), users.clone(), tokenizer.clone());

    registry! {
        deadline = "20s",
        on_hangup = reload,

        "ops" => ops(&config.ops), before = all,
        "config" => settings,
        "instrumentation" => Instrumentation::new(config.data.join("spans.jsonl"), &config.spans),
        "store" => store, after = ["instrumentation"],
        "user" => users, after = ["store"], start_timeout = "30s",
        "tokenizer" => tokenizer, after = ["config", "store"],
        "api" => api, after = ["user", "tokenizer"], stop_timeout = config.api.grace,
    }
    .run()
    .await
}

/// Shows the application, and takes orders from this machine.
fn ops(config: &config::Ops) -> Option<Ops> {
    let listen = Some(&config.listen).filter(|listen| !listen.is_empty())?;
    Some(Ops::listen(listen).control())
}

/// Nothing runs yet, so there is nothing to stop. What a person typed wrong is for their terminal, without a time.
fn refuse(error: &config::ConfigError) -> ! {
    log::say(&format!("identity: {error}"));
    process::exit(1)
}
