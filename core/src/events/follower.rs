use std::collections::VecDeque;

use super::{RunEvent, RunId, TaskEvent};
use crate::{LogLine, TaskDetails};

/// Makes what a subscriber is told of what the runs of a task tell, and of its outcome: tells runs apart, counts lost
/// lines, and drops what it has told before.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The newest run that it knows.
    run: Option<RunId>,
    /// The number of the next line of that run.
    next_line: u32,
    /// The number of the next progress of that run.
    next_progress: u32,
    told: VecDeque<TaskEvent>,
}

impl Follower {
    /// The next event for the subscriber.
    pub(super) fn pop(&mut self) -> Option<TaskEvent> {
        self.told.pop_front()
    }

    /// Takes an event of a run. Events of runs before the newest are dropped.
    pub(super) fn take(&mut self, run: RunId, event: RunEvent) {
        if self.run.is_some_and(|newest| run.delivery < newest.delivery) {
            return;
        }
        self.note_run(run);
        match event {
            RunEvent::Started => {}
            RunEvent::Line { number, line } => self.line(number, line),
            RunEvent::Progress { number, .. } if number < self.next_progress => {}
            RunEvent::Progress { number, fraction, text } => {
                self.next_progress = number.saturating_add(1);
                self.told.push_back(TaskEvent::Progress { delivery: run.delivery, fraction, text });
            }
        }
    }

    /// Takes the outcome. The rest of the lines of the last run are in its log.
    pub(super) fn end(&mut self, details: Box<TaskDetails>) {
        let run = details.instance.map(|instance| RunId { instance, delivery: details.delivery });
        if let Some(run) = run.filter(|run| run.delivery > 0) {
            self.note_run(run);
            let lines = details.log.lines().iter().enumerate();
            for (number, line) in lines.skip(self.next_line as usize) {
                self.line(u32::try_from(number).unwrap_or(u32::MAX), line.clone());
            }
        }
        self.told.push_back(TaskEvent::Ended(details));
    }

    fn note_run(&mut self, run: RunId) {
        if self.run != Some(run) {
            (self.run, self.next_line, self.next_progress) = (Some(run), 0, 0);
            self.told.push_back(TaskEvent::Started { delivery: run.delivery });
        }
    }

    fn line(&mut self, number: u32, line: LogLine) {
        let Some(delivery) = self.run.map(|run| run.delivery) else { return };
        let Some(lines) = number.checked_sub(self.next_line) else { return };
        if lines > 0 {
            self.told.push_back(TaskEvent::Lost { delivery, lines });
        }
        self.told.push_back(TaskEvent::Line { delivery, level: line.level, text: line.text });
        self.next_line = number.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InstanceId, LogLevel, Payload, Task, TaskLog, WallTime, WorkerId};

    fn run(delivery: u32) -> RunId {
        RunId { instance: InstanceId::new(), delivery }
    }

    fn line(number: u32) -> RunEvent {
        let line = LogLine { level: LogLevel::Print, text: format!("line {number}") };
        RunEvent::Line { number, line }
    }

    fn told(follower: &mut Follower) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(event) = follower.pop() {
            all.push(match event {
                TaskEvent::Started { delivery } => format!("started {delivery}"),
                TaskEvent::Line { delivery, text, .. } => format!("{delivery}: {text}"),
                TaskEvent::Progress { delivery, fraction, .. } => format!("{delivery}: {fraction}"),
                TaskEvent::Lost { delivery, lines } => format!("{delivery}: {lines} lost"),
                TaskEvent::Ended(_) => "ended".to_owned(),
            });
        }
        all
    }

    fn details(run: Option<RunId>, lines: u32) -> Box<TaskDetails> {
        let worker_id = WorkerId::try_from("w").expect("a worker id");
        let task = Task::new(worker_id, Payload::script("1"), "caller");
        let mut details = TaskDetails::accepted(&task, WallTime::from_millis(0));
        details.instance = run.map(|run| run.instance);
        details.delivery = run.map_or(0, |run| run.delivery);
        let mut log = TaskLog::new();
        for number in 0..lines {
            log.push(LogLevel::Print, format!("line {number}"), TaskLog::MAX_BYTES);
        }
        details.log = log;
        Box::new(details)
    }

    #[test]
    fn gap_in_the_numbers_is_a_count_of_lost_lines() {
        let (mut follower, run) = (Follower::default(), run(1));
        for number in [0, 3, 3, 1, 4] {
            follower.take(run, line(number));
        }
        assert_eq!(told(&mut follower), ["started 1", "1: line 0", "1: 2 lost", "1: line 3", "1: line 4"]);
    }

    #[test]
    fn progress_that_comes_again_or_late_is_not_told() {
        let (mut follower, run) = (Follower::default(), run(1));
        let progress =
            |number| RunEvent::Progress { number, fraction: f64::from(number) / 10.0, text: String::new() };
        for event in [progress(1), line(0), progress(1), progress(3), progress(2), line(1), progress(3)] {
            follower.take(run, event);
        }
        let expected = ["started 1", "1: 0.1", "1: line 0", "1: 0.3", "1: line 1"];
        assert_eq!(told(&mut follower), expected);
    }

    #[test]
    fn outcome_has_the_lines_that_were_not_told() {
        let (mut follower, run) = (Follower::default(), run(2));
        follower.take(run, line(0));
        follower.end(details(Some(run), 3));
        assert_eq!(told(&mut follower), ["started 2", "2: line 0", "2: line 1", "2: line 2", "ended"]);
    }

    #[test]
    fn later_run_begins_anew_and_ends_the_one_before() {
        let (mut follower, first, second) = (Follower::default(), run(1), run(2));
        follower.take(first, line(0));
        follower.take(second, RunEvent::Started);
        follower.take(first, line(1));
        follower.end(details(Some(second), 1));
        assert_eq!(told(&mut follower), ["started 1", "1: line 0", "started 2", "2: line 0", "ended"]);
    }

    #[test]
    fn released_start_has_its_number_again() {
        let (mut follower, released, again) = (Follower::default(), run(1), run(1));
        follower.take(released, line(0));
        follower.take(again, line(0));
        assert_eq!(told(&mut follower), ["started 1", "1: line 0", "started 1", "1: line 0"]);
    }

    #[test]
    fn task_that_never_ran_only_ends() {
        let mut follower = Follower::default();
        follower.end(details(None, 0));
        assert_eq!(told(&mut follower), ["ended"]);
    }
}
