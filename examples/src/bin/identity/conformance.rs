//! Each service of the server does what every service owes. What it needs is started as the registry would.

use std::{
    env, fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    api::Api,
    config::{self, Config, Kind, Source},
    instrumentation::Instrumentation,
    log::Level,
    settings::Settings,
    store::Store,
    tokenizer,
    users::Users,
};
use lifecycle::{
    Idle,
    testing::{Case, Conformance, conformance, context},
};

/// A folder of its own for each life, beside the program.
fn folder() -> PathBuf {
    static LIVES: AtomicUsize = AtomicUsize::new(0);
    let life = LIVES.fetch_add(1, Ordering::Relaxed).to_string();
    let folder = env::current_exe().unwrap().with_file_name("conformance");
    let folder = folder.join(life);
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn store() -> Store {
    Store::new(folder().join("identity.sqlite"))
}

async fn opened() -> Arc<Store> {
    let store = store();
    store.startup(&context("store")).await.unwrap();
    Arc::new(store)
}

fn settings() -> Settings {
    Settings::new(Source::default(), Config::default(), Level::detached())
}

async fn tokenizer(kind: Kind) -> Arc<dyn tokenizer::Tokenizer> {
    let config = Config {
        tokenizer: kind,
        ..Config::default()
    };
    tokenizer::choose(&config, Arc::new(settings()), opened().await)
}

async fn users() -> Users {
    Users::new(&Config::default(), opened().await)
}

async fn api() -> Api {
    let mut config = Config::default().api;
    config.listen.set_port(0);
    let users = Arc::new(users().await);
    Api::new(config, users, tokenizer(Kind::Opaque).await)
}

mod ops_itself {
    use super::*;

    conformance!(
        crate::ops(&config::Ops {
            listen: "127.0.0.1:0".into()
        })
        .unwrap()
    );
}

mod config_itself {
    use super::*;

    conformance!(settings());
}

mod instrumentation {
    use super::*;

    conformance!(Instrumentation::new(
        folder().join("spans.jsonl"),
        &Config::default().spans
    ));
}

mod store_itself {
    use super::*;

    conformance!(store());
}

mod opaque {
    use super::*;

    conformance!(tokenizer(Kind::Opaque).await);
}

mod jwt {
    use super::*;

    conformance!(tokenizer(Kind::Jwt).await);
}

mod api_itself {
    use super::*;

    conformance!(api().await);
}

/// Each life hashes passwords, which is slow on purpose: so only what differs from other idle services.
#[test]
fn user() {
    let conformance = Conformance::of(users);
    for case in [Case::StopsDuringStartup, Case::RunsAgain] {
        conformance.check(case).unwrap();
    }
}
