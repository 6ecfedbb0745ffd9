//! Encrypted connections, to a server with a certificate of its own authority.

use std::time::Duration;

use lifecycle::Leases;
use lifecycle_postgres::Postgres;
use replica_tests::certificate::certificate;
use replica_tests::server::Server;

const TERM: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_connection_is_encrypted_and_the_server_is_known_by_its_certificate() {
    let folder = std::env::temp_dir().join(format!("lifecycle-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = certificate(&folder, "server");
    std::fs::remove_dir_all(&folder).unwrap();
    let server = Server::encrypted(&certificate, &key);
    let at = |host: &str, mode: &str| {
        format!(
            "postgres://postgres@{host}:{}/postgres?sslmode={mode}",
            server.port()
        )
    };

    let store =
        Postgres::connect(at("localhost", "require")).root_certificates(certificate.clone());
    assert!(store.take("n", "me", TERM).await.unwrap().is_some());
    let encrypted = "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'lifecycle'";
    let client = server.client().await;
    assert!(
        client
            .query_one(encrypted, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    );
    drop(store);

    // Nobody vouches for it, or it is somebody else's.
    let unknown = Postgres::connect(at("localhost", "require"));
    let other = Postgres::connect(at("127.0.0.1", "prefer")).root_certificates(certificate.clone());
    for store in [unknown, other] {
        let error = store
            .timeout(Duration::from_secs(3))
            .take("n", "me", TERM)
            .await
            .unwrap_err();
        let source = error.source().unwrap().to_string();
        assert_eq!(error.to_string(), "can't connect to PostgreSQL");
        assert!(
            source.contains("error performing TLS handshake"),
            "{source}"
        );
    }
    let plain = Postgres::connect(at("127.0.0.1", "disable"));
    assert!(plain.take("plain", "me", TERM).await.unwrap().is_some());

    let nonsense = Postgres::connect(at("localhost", "require")).root_certificates("nonsense");
    let error = nonsense.take("n", "me", TERM).await.unwrap_err();
    assert!(error.is::<lifecycle::Permanent>(), "{error}");
}
