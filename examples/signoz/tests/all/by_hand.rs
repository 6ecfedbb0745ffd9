//! What is by hand works too, on a good day: this is about what it takes, not about whether it can be done.

use std::{fs, sync::Arc, time::Duration};

use lifecycle::State;
use signoz::{
    by_hand::{
        Service,
        alertmanager::Alertmanager,
        auditor::Auditor,
        authz::Authz,
        batcher::Batcher,
        licensing::Licensing,
        meter_reporter::MeterReporter,
        migrator::Migrator,
        registry::{Named, Registry},
        ruler::Ruler,
        stats_reporter::StatsReporter,
        tokenizer::Counted,
        tokenizer_opaque::OpaqueTokenizer,
        user::User,
    },
    domain::{
        alerts::Receivers,
        analytics::Analytics,
        audit::{AuditEvent, AuditFile},
        authz,
        licenses::Licenses,
        meters::Meters,
        rules::{Rule, Rules},
        stats::Stats,
        telemetry::Telemetry,
        tokens::{OpaqueTokens, Tokens as _},
        users::Users,
    },
};
use tokio::time::sleep;

use crate::cloud::{Recorded, empty_store};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn named(name: &'static str, after: &'static [&'static str], service: Arc<dyn Service>) -> Named {
    Named {
        name,
        after,
        service,
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::too_many_lines, reason = "a list of services")]
async fn the_services_by_hand_start_work_and_flush() {
    let (cloud, store, folder) = (Recorded::new(), empty_store(), tempfile::tempdir().unwrap());
    let telemetry = Arc::new(Telemetry::new(folder.path().to_owned()));
    let model = Arc::new(authz::Authz::new(store.clone(), "admin: read"));
    let users = Arc::new(Users::new(store.clone(), model.clone(), "root", "key"));
    let analytics = Arc::new(Analytics::new(cloud.clone()));
    let licenses = Arc::new(Licenses::new(cloud.clone(), store.clone(), 3));
    let path = folder.path().join("audit.jsonl");
    let auditor = Auditor::new(
        100,
        10,
        Duration::from_secs(1),
        Arc::new(AuditFile::new(path.clone())),
    );
    let events = auditor.events();
    let tokenizer = Arc::new(Counted {
        inner: Arc::new(OpaqueTokenizer::new(
            HOUR,
            OpaqueTokens::new(HOUR, store.clone()),
        )),
        telemetry,
    });
    let receivers = Arc::new(Receivers::new(store.clone(), cloud.clone()));
    let batcher = Arc::new(Batcher::new(100, 10, receivers.clone()));
    let ruler = Arc::new(Ruler::new(
        Arc::new(Rules::new(store.clone())),
        batcher.clone(),
    ));
    let registry = Arc::new(Registry::new(vec![
        named(
            "migrator",
            &[],
            Arc::new(Migrator::new(HOUR, store.clone())),
        ),
        named("authz", &["migrator"], Arc::new(Authz::new(model.clone()))),
        named("user", &["authz"], Arc::new(User::new(users))),
        named("auditor", &[], Arc::new(auditor)),
        named("tokenizer", &["migrator"], tokenizer.clone()),
        named(
            "licensing",
            &["migrator"],
            Arc::new(Licensing::new(HOUR, licenses.clone())),
        ),
        named(
            "stats",
            &["migrator"],
            Arc::new(StatsReporter::new(
                HOUR,
                Arc::new(Stats::new(store.clone(), analytics.clone())),
            )),
        ),
        named(
            "meters",
            &["migrator"],
            Arc::new(MeterReporter::new(
                HOUR,
                HOUR / 10,
                Arc::new(Meters::new(store.clone(), cloud.clone())),
            )),
        ),
        named("batcher", &["migrator"], batcher),
        named(
            "alertmanager",
            &["batcher"],
            Arc::new(Alertmanager::new(HOUR, HOUR, receivers)),
        ),
        named("ruler", &["alertmanager"], ruler.clone()),
    ]));
    registry.start();
    sleep(Duration::from_secs(1)).await;
    assert!(registry.is_healthy(), "{:?}", registry.states());
    assert!(model.may("root", "read").unwrap());
    assert_eq!(licenses.plan(), "enterprise");

    let token = tokenizer.issue("root").await.unwrap();
    tokenizer.observe(&token).await.unwrap();
    let rule = Rule {
        name: "errors".into(),
        organization: "default".into(),
        event: "error".into(),
        threshold: 0,
        frequency_ms: 60_000,
    };
    ruler.save(rule).await.unwrap();
    store.add_event("error".into()).await.unwrap();
    events
        .send(AuditEvent {
            user: "root".into(),
            action: "login".into(),
        })
        .await
        .unwrap();
    sleep(2 * HOUR + Duration::from_secs(1)).await;
    assert_eq!(cloud.calls("/notify/default").len(), 1);
    assert_eq!(cloud.calls("/meters").len(), 2);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);

    events
        .send(AuditEvent {
            user: "root".into(),
            action: "stop".into(),
        })
        .await
        .unwrap();
    registry.stop().await.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    assert!(
        registry
            .states()
            .iter()
            .all(|(_, state)| *state != State::Running)
    );
    model.may("root", "read").unwrap_err();
}
