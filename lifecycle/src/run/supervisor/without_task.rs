//! Services that have no code to run between their start and their stop. Until there is some they have no task:
//! the supervisor keeps them in `services` itself.

use super::{Supervisor, Tasks};
use crate::engine::StopTimes;
use crate::run::runner::Part;
use crate::shape::service::{Sealed, Service, TaskNeed};
use crate::shared::application::RunnerNews;

impl Supervisor {
    /// There is nothing to wait for: it is up.
    pub(super) fn start_without_code(
        &mut self,
        index: usize,
        service: Box<dyn Service>,
        task_need: TaskNeed,
        tasks: &mut Tasks,
    ) {
        self.application.report(index, RunnerNews::Ready);
        if task_need == TaskNeed::ForDrain {
            let run = self.begin_run(index);
            run.is_up();
            self.spawn(index, run, service, Part::Stop, tasks);
        } else {
            self.services[index] = Some(service);
        }
    }

    /// A task is made for its drain or its destructor, where it has one.
    pub(super) fn stop_without_task(
        &mut self,
        index: usize,
        service: Box<dyn Service>,
        times: Option<StopTimes>,
        tasks: &mut Tasks,
    ) {
        if service.__nature(Sealed::OPEN).task_need == TaskNeed::Never {
            self.application
                .report(index, RunnerNews::Down { is_kept: false });
            return;
        }
        let run = self.begin_run(index);
        run.is_up();
        self.order_stop(index, &run, times);
        self.spawn(index, run, service, Part::Stop, tasks);
    }
}
