//! Encrypted connections to an etcd that asks for a certificate.

use std::time::Duration;

use lifecycle::Leases;
use lifecycle_etcd::Etcd;
use replica_tests::{certificate, etcd};

const TERM: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_connection_is_encrypted_and_each_side_is_known_by_its_certificate() {
    let folder = std::env::temp_dir().join(format!("lifecycle-etcd-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = certificate::certificate(&folder, "server");
    let (stranger, strange_key) = certificate::certificate(&folder, "stranger");
    std::fs::remove_dir_all(&folder).unwrap();
    let server = etcd::Etcd::encrypted(&certificate, &key, &certificate);
    let store = Etcd::connect(server.endpoints()).timeout(Duration::from_secs(2));

    let known = store
        .clone()
        .root_certificates(certificate.clone())
        .client_certificate(certificate.clone(), key.clone());
    let known = known.timeout(Duration::from_secs(20));
    let grant = known.take("n", "me", TERM).await.unwrap().unwrap();
    assert!(known.renew(&grant, TERM).await.unwrap());

    // Nobody vouches for the server, or for the client, or it shows nothing.
    let mutual = store
        .clone()
        .client_certificate(certificate.clone(), key.clone());
    let trusting = store.clone().root_certificates(certificate.clone());
    let strange = trusting.clone().client_certificate(stranger, strange_key);
    let plain = Etcd::connect(server.endpoints().replace("https", "http"));
    let plain = plain.timeout(Duration::from_secs(2));
    for (what, store) in [
        ("mutual", mutual),
        ("trusting", trusting),
        ("strange", strange),
        ("plain", plain),
    ] {
        let error = store.take("n", "me", TERM).await.unwrap_err();
        println!(
            "{what}: {error}: {:?}",
            error.source().map(ToString::to_string)
        );
        assert!(!error.is::<lifecycle::Permanent>(), "{what}: {error}");
    }

    // What can't be read is told, for good.
    for store in [
        known.clone().root_certificates("nonsense"),
        known.clone().client_certificate("nonsense", key.clone()),
        known.client_certificate(certificate, "nonsense"),
    ] {
        let error = store.take("n", "me", TERM).await.unwrap_err();
        assert!(error.is::<lifecycle::Permanent>(), "{error}");
    }
}
