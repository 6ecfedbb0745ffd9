//! What every service owes, of each of them: it stops when it is asked, at any moment; drains once; leaves no task; runs again.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use lifecycle::{Group, Intake};
use signoz::{
    domain::{
        agents::Agents,
        alerts::{Receiver, Receivers},
        analytics::Analytics as Client,
        audit::AuditFile,
        authz::Authz as Roles,
        cloud::HttpCloud,
        licenses::Licenses,
        meters::Meters,
        rules::{Rule, Rules},
        stats::Stats,
        telemetry::Telemetry,
        tokens::{JwtTokens, OpaqueTokens},
        usage::Usage as Uploads,
        users::Users,
    },
    services::{
        alertmanager::Alertmanager, alertmanager_server::AlertmanagerServer, analytics::Analytics,
        auditor::Auditor, authz::Authz, batcher::Batcher, cloud::LocalCloud,
        instrumentation::Instrumentation, licensing::Licensing, meter_reporter::MeterReporter,
        migrator::Migrator, opamp::OpAmp, pprof::Pprof, query_server::QueryServer,
        rule_task::RuleTask, ruler::Ruler, stats_reporter::StatsReporter, tokenizer::Counted,
        tokenizer_jwt::JwtTokenizer, tokenizer_opaque::OpaqueTokenizer, usage::Usage, user::User,
    },
};

use crate::cloud::{Recorded, empty_store, store};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A module of tests for each service.
macro_rules! conform {
    ($($name:ident: $service:expr;)*) => {$(
        mod $name {
            use super::*;
            lifecycle::testing::conformance!($service);
        }
    )*};
}

fn nowhere() -> String {
    "127.0.0.1:0".to_owned()
}

/// A file that every life writes to, and none reads.
fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn rule() -> Rule {
    Rule {
        name: "errors".into(),
        organization: "default".into(),
        event: "error".into(),
        threshold: 0,
        frequency_ms: 1000,
    }
}

async fn receivers() -> Arc<Receivers> {
    Arc::new(Receivers::new(store().await, Recorded::new()))
}

async fn receiver() -> Arc<Receiver> {
    let mut changes = receivers().await.changes().await.unwrap();
    changes.new.pop().unwrap().1
}

async fn authz() -> Arc<Roles> {
    Arc::new(Roles::new(store().await, "admin: read"))
}

/// With a model that is loaded, as `authz` would have.
async fn users() -> Arc<Users> {
    let authz = authz().await;
    authz.load().await.unwrap();
    Arc::new(Users::new(store().await, authz, "root", "key"))
}

async fn rules() -> Arc<Rules> {
    let rules = Rules::new(store().await);
    rules.save(&rule()).await.unwrap();
    Arc::new(rules)
}

fn telemetry() -> Arc<Telemetry> {
    let folder = scratch("telemetry");
    std::fs::create_dir_all(&folder).unwrap();
    Arc::new(Telemetry::new(folder))
}

conform! {
    instrumentation: Instrumentation(telemetry());
    pprof: Pprof { listen: nowhere() };
    cloud: LocalCloud {
        listen: nowhere(),
        file: scratch("cloud.jsonl"),
        client: Arc::new(HttpCloud::default()),
    };
    analytics: Analytics { interval: HOUR, client: Arc::new(Client::new(Recorded::new())) };
    licensing: Licensing {
        interval: HOUR,
        licenses: Arc::new(Licenses::new(Recorded::new(), store().await, 3)),
    };
    stats_reporter: StatsReporter {
        interval: HOUR,
        stats: Arc::new(Stats::new(store().await, Arc::new(Client::new(Recorded::new())))),
    };
    tokenizer_jwt: JwtTokenizer(JwtTokens::new(HOUR, "secret"));
    tokenizer_opaque: Counted {
        inner: Arc::new(OpaqueTokenizer {
            gc_interval: HOUR,
            tokens: OpaqueTokens::new(HOUR, store().await),
        }),
        telemetry: telemetry(),
    };
    authorization: Authz(authz().await);
    user: User(users().await);
    auditor: Auditor {
        size: 10,
        interval: HOUR,
        intake: Intake::bounded(10),
        file: Arc::new(AuditFile::new(scratch("audit.jsonl"))),
    };
    batcher: Batcher { size: 10, intake: Intake::bounded(10), receivers: receivers().await };
    meter_reporter: MeterReporter {
        interval: HOUR,
        jitter: HOUR / 2,
        meters: Arc::new(Meters::new(store().await, Recorded::new())),
    };
    alertmanager: Alertmanager {
        poll: HOUR,
        maintenance: HOUR,
        receivers: receivers().await,
        servers: Group::new(),
    };
    alertmanager_server: AlertmanagerServer { maintenance: HOUR, receiver: receiver().await };
    ruler: Ruler {
        rules: rules().await,
        tasks: Group::new(),
        alerts: Intake::bounded(10),
        edits: tokio::sync::Mutex::default(),
    };
    rule_task: RuleTask { rule: rule(), rules: rules().await, alerts: Intake::bounded(1000) };
    usage: Usage {
        cron: "0 3 * * *".into(),
        tz: "UTC".into(),
        uploads: Arc::new(Uploads::new(store().await, Recorded::new())),
    };
    query_server: QueryServer { listen: nowhere(), routes: Router::new() };
    opamp: OpAmp { listen: nowhere(), agents: Arc::new(Agents::default()) };
    migrator: Migrator(empty_store());
}
