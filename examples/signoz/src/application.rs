//! The whole: providers, the services around them, and their registry.

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use lifecycle::{Group, Intake, Registry, registry};
use lifecycle_ops::Ops;
use tokio::sync::Mutex;

use crate::{
    api::{self, Backend},
    config::{self, Config, Kind},
    domain::{
        agents::Agents,
        alerts::Receivers,
        analytics,
        audit::AuditFile,
        authz,
        cloud::HttpCloud,
        licenses::Licenses,
        meters::Meters,
        rules::Rules,
        stats::Stats,
        store::{Store, StoreError},
        telemetry::Telemetry,
        tokens::{JwtTokens, OpaqueTokens, random},
        usage::Usage as Uploads,
        users::Users,
    },
    services::{
        alertmanager::Alertmanager,
        analytics::Analytics,
        auditor::Auditor,
        authz::Authz,
        batcher::Batcher,
        cloud::LocalCloud,
        instrumentation::Instrumentation,
        licensing::Licensing,
        meter_reporter::MeterReporter,
        migrator::Migrator,
        opamp::OpAmp,
        pprof::Pprof,
        query_server::QueryServer,
        ruler::Ruler,
        stats_reporter::StatsReporter,
        tokenizer::{Counted, Tokenizer},
        tokenizer_jwt::JwtTokenizer,
        tokenizer_opaque::OpaqueTokenizer,
        usage::Usage,
        user::User,
    },
};

#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    #[error("the data folder: {0}")]
    Folder(#[from] io::Error),
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    #[error("can't make a random value: {0}")]
    Random(#[from] getrandom::Error),
}

/// Opens the database; starts nothing.
pub fn assemble(config: &Config) -> Result<Registry, ApplicationError> {
    fs::create_dir_all(&config.data)?;
    let file = |name: &str| config.data.join(name);

    let telemetry = Arc::new(Telemetry::new(config.data.clone()));
    let store = Arc::new(Store::open(&file("signoz.sqlite"))?);
    let cloud = Arc::new(HttpCloud::default());
    let analytics = Arc::new(analytics::Analytics::new(cloud.clone()));
    let licenses = Licenses::new(cloud.clone(), store.clone(), config.licensing.threshold);
    let licenses = Arc::new(licenses);
    let authz = Arc::new(authz::Authz::new(store.clone(), &config.authz.model));
    let root = &config.root;
    let users = Users::new(store.clone(), authz.clone(), &root.name, &root.key);
    let users = Arc::new(users);
    let tokenizer = Arc::new(Counted {
        inner: tokenizer(&config.tokenizer, &store)?,
        telemetry: telemetry.clone(),
    });
    let receivers = Arc::new(Receivers::new(store.clone(), cloud.clone()));
    let (servers, tasks) = (Group::new(), Group::new());
    let (audit, alerts) = (
        Intake::bounded(config.audit.capacity),
        Intake::bounded(config.alertmanager.capacity),
    );
    let ruler = Arc::new(Ruler {
        rules: Arc::new(Rules::new(store.clone())),
        tasks: tasks.clone(),
        alerts: alerts.clone(),
        edits: Mutex::default(),
    });
    let agents = Arc::new(Agents::default());
    let backend = Backend {
        agents: agents.clone(),
        analytics: analytics.clone(),
        audit: audit.clone(),
        authz: authz.clone(),
        licenses: licenses.clone(),
        ruler: ruler.clone(),
        store: store.clone(),
        telemetry: telemetry.clone(),
        tokenizer: tokenizer.clone(),
        users: users.clone(),
    };

    Ok(registry! {
        deadline = "25s",

        "ops" => some(&config.ops.listen).map(|listen| Ops::listen(listen).control()), before = all,
        "instrumentation" => Instrumentation(telemetry), before = all,
        "pprof" => some(&config.pprof.listen).map(|listen| Pprof { listen }), on_failure = ignore,
        "cloud" => local_cloud(config, &cloud),

        "migrator" => Migrator(store.clone()), start_timeout = config.migrator.lock_wait,
        "authz" => Authz(authz), after = ["migrator"],
        // Root's role is in the memory of `authz`: a restart of that, by hand for a new model, has root reconciled.
        "user" => User(users), after = ["authz"], start_timeout = Duration::MAX, restart_with = ["authz"],
        "tokenizer" => tokenizer, after = ["migrator"],
        "licensing" => Licensing { interval: config.licensing.interval, licenses },
            after = ["migrator"], wants = ["cloud"],

        "analytics" => Analytics { interval: config.analytics.interval, client: analytics.clone() }, wants = ["cloud"],
        "statsreporter" => StatsReporter {
            interval: config.stats.interval,
            stats: Arc::new(Stats::new(store.clone(), analytics)),
        }, after = ["migrator", "analytics"],
        "auditor" => Auditor {
            size: config.audit.size,
            interval: config.audit.interval,
            intake: audit,
            file: Arc::new(AuditFile::new(file("audit.jsonl"))),
        },
        "meterreporter" => MeterReporter {
            interval: config.meters.interval,
            jitter: config.meters.jitter,
            meters: Arc::new(Meters::new(store.clone(), cloud.clone())),
        }, after = ["migrator"], wants = ["cloud", "licensing"],
        "usage" => Usage {
            cron: config.usage.cron.clone(),
            tz: config.usage.tz.clone(),
            uploads: Arc::new(Uploads::new(store, cloud)),
        }, after = ["migrator"], wants = ["cloud"], on_late = ignore,

        "servers" => servers.clone(), after = ["migrator"], wants = ["cloud"],
        "alertmanager" => Alertmanager {
            poll: config.alertmanager.poll,
            maintenance: config.alertmanager.maintenance,
            receivers: receivers.clone(),
            servers,
        }, after = ["servers"], on_failure = restart(backoff = "1s..1m", max = forever),
        "batcher" => Batcher { size: config.alertmanager.batch, intake: alerts, receivers },
            after = ["servers"],
        "rules" => tasks, after = ["batcher"],
        "ruler" => ruler, after = ["rules"],

        "opamp" => OpAmp { listen: config.opamp.listen.clone(), agents }, on_failure = restart,
        "api" => QueryServer { listen: config.api.listen.clone(), routes: api::routes(backend) },
            after = ["user", "tokenizer", "auditor", "analytics", "ruler"], wants = ["licensing", "opamp"],
    })
}

/// Off where it is empty. What is off needs no implementation that does nothing.
fn some(listen: &str) -> Option<String> {
    (!listen.is_empty()).then(|| listen.to_owned())
}

/// The vendor's API: elsewhere, or in this process.
fn local_cloud(config: &Config, client: &Arc<HttpCloud>) -> Option<LocalCloud> {
    if let Some(address) = some(&config.cloud.address) {
        client.is_at(&address);
        return None;
    }
    Some(LocalCloud {
        listen: config.cloud.listen.clone(),
        file: config.data.join(Path::new("cloud.jsonl")),
        client: client.clone(),
    })
}

/// The one that the configuration asks for.
fn tokenizer(
    config: &config::Tokenizer,
    store: &Arc<Store>,
) -> Result<Arc<dyn Tokenizer>, getrandom::Error> {
    Ok(match config.kind {
        Kind::Opaque => Arc::new(OpaqueTokenizer {
            gc_interval: config.gc_interval,
            tokens: OpaqueTokens::new(config.lifetime, store.clone()),
        }),
        Kind::Jwt if config.secret.is_empty() => {
            Arc::new(JwtTokenizer(JwtTokens::new(config.lifetime, &random()?)))
        }
        Kind::Jwt => Arc::new(JwtTokenizer(JwtTokens::new(
            config.lifetime,
            &config.secret,
        ))),
    })
}
