//! Encrypted connections: whom they trust, and what they show for themselves.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::EtcdError;
use crate::settings::{Endpoint, Settings};

pub(crate) fn config(settings: &Settings) -> Result<Arc<ClientConfig>, EtcdError> {
    let roots = match &settings.roots {
        Some(pem) => given(pem)?,
        None => of_the_system(),
    };
    // The program may have another default for its own connections.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(certificates)?
        .with_root_certificates(roots);
    let mut config = match &settings.identity {
        Some(identity) => {
            let chain = chain(&identity.certificates)?;
            let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(certificates)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(certificates)?
        }
        None => builder.with_no_client_auth(),
    };
    // etcd speaks HTTP/2 on the same port.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

pub(crate) async fn encrypt(
    config: Arc<ClientConfig>,
    endpoint: &Endpoint,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, EtcdError> {
    let name = ServerName::try_from(endpoint.host.clone());
    let name = name.map_err(|error| EtcdError::connect(endpoint, error))?;
    let encrypted = TlsConnector::from(config).connect(name, stream).await;
    encrypted.map_err(|error| EtcdError::connect(endpoint, error))
}

fn given(pem: &[u8]) -> Result<RootCertStore, EtcdError> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(pem)? {
        roots.add(certificate).map_err(certificates)?;
    }
    Ok(roots)
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, EtcdError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(certificates)?;
    if chain.is_empty() {
        return Err(EtcdError::Certificates("what was given holds none".into()));
    }
    Ok(chain)
}

/// One that can't be read is left out, as every program does.
fn of_the_system() -> RootCertStore {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    roots
}

fn certificates(problem: impl std::fmt::Display) -> EtcdError {
    EtcdError::Certificates(problem.to_string())
}
