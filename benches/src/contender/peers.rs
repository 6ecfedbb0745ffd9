//! The libraries that people would use in place of `lifecycle`, each as its own documentation
//! recommends.

mod ractor;
mod task_supervisor;
mod tokio_graceful_shutdown;
mod tokio_util;
mod tosub;

pub use self::ractor::Ractor;
pub use self::task_supervisor::TaskSupervisor;
pub use self::tokio_graceful_shutdown::TokioGracefulShutdown;
pub use self::tokio_util::TokioUtil;
pub use self::tosub::Tosub;
