//! Encrypted connections, and whom they trust.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::PostgresError;
use crate::settings::Settings;

/// `None` where the URL says that there is to be no TLS.
pub(crate) fn connector(
    settings: &Settings,
    config: &Config,
) -> Result<Option<MakeRustlsConnect>, PostgresError> {
    if config.get_ssl_mode() == SslMode::Disable {
        return Ok(None);
    }
    let roots = match &settings.roots {
        Some(pem) => given(pem)?,
        None => of_the_system(),
    };
    // The program may have another default for its own connections.
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|problem| PostgresError::Certificates(problem.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(tls)))
}

fn given(pem: &[u8]) -> Result<RootCertStore, PostgresError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate =
            certificate.map_err(|problem| PostgresError::Certificates(problem.to_string()))?;
        roots
            .add(certificate)
            .map_err(|problem| PostgresError::Certificates(problem.to_string()))?;
    }
    if roots.is_empty() {
        return Err(PostgresError::Certificates(
            "what was given as root certificates holds none".into(),
        ));
    }
    Ok(roots)
}

/// One that can't be read is left out, as every program does.
fn of_the_system() -> RootCertStore {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    roots
}
