//! Services without code to run between their start and their stop. They have no task until they have code to
//! run: the supervisor keeps them in `services` itself.

use std::sync::Arc;

use super::Supervisor;
use super::tasks::ServiceTasks;
use crate::engine::StopTimes;
use crate::run::service_task::RunPart;
use crate::shape::service::{Sealed, Service, TaskNeed};
use crate::shared::runner_news::RunnerNews;

impl Supervisor {
    /// The start has no code to run, so the service is up. One with a drain gets its task now.
    pub(super) fn start_without_code(
        &mut self,
        index: usize,
        service: Arc<dyn Service>,
        task_need: TaskNeed,
        tasks: &mut ServiceTasks,
    ) {
        self.application.report(index, RunnerNews::Ready);
        if task_need == TaskNeed::ForDrain {
            let run = self.begin_run(index);
            run.is_up();
            self.spawn(index, run, service, RunPart::Stop, tasks);
        } else {
            self.services[index] = Some(service);
        }
    }

    /// Makes a task for the destructor of the service, if it has one.
    pub(super) fn stop_without_task(
        &mut self,
        index: usize,
        service: Arc<dyn Service>,
        times: Option<StopTimes>,
        tasks: &mut ServiceTasks,
    ) {
        if service.__nature(Sealed::OPEN).task_need == TaskNeed::Never {
            self.application
                .report(index, RunnerNews::Down { is_kept: false });
            return;
        }
        let run = self.begin_run(index);
        run.is_up();
        self.order_stop(index, &run, times);
        self.spawn(index, run, service, RunPart::Stop, tasks);
    }
}
