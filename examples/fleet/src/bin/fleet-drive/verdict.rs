//! What the tables say of the rules: no point has two reports, no report or census is of a replica that another had taken over from, and
//! every point without a report is explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A row of `reports`. Points are seconds since 1970.
#[derive(Clone, Debug)]
pub struct Report {
    pub point: i64,
    pub attempt: i64,
    pub missed: i64,
    pub written: Written,
}

/// Who wrote a row, by which fence.
#[derive(Clone, Debug)]
pub struct Written {
    pub replica: String,
    pub fence: i64,
}

/// All that is known, in the order in which it was written.
#[derive(Clone, Debug, Default)]
pub struct Records {
    pub reports: Vec<Report>,
    pub censuses: Vec<Written>,
    /// The points that a line of a log tells of: their reports failed, or another attempt at a later one stood for them.
    pub told: BTreeMap<i64, String>,
    /// How many seconds are between two points.
    pub step: i64,
}

/// Points in a row that have no report.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    pub points: Vec<i64>,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// The report of this point, by this replica, stands for them.
    StoodFor(i64, String),
    /// The log of a replica tells why.
    Told(String),
    Unexplained,
}

/// What came of it.
#[derive(Debug)]
pub struct Verdict {
    /// How many points there were, from the first report to the last.
    pub points: usize,
    pub reports: usize,
    /// How many of them are of a second or later attempt at their point.
    pub retried: usize,
    pub twice: Vec<i64>,
    pub censuses: usize,
    pub stale_reports: usize,
    pub stale_censuses: usize,
    pub gaps: Vec<Gap>,
    /// By replica: how many reports and censuses, and by which fences.
    by: BTreeMap<String, [Work; 2]>,
}

#[derive(Debug, Default)]
struct Work {
    rows: usize,
    fences: BTreeSet<i64>,
}

impl Verdict {
    pub fn of(records: &Records) -> Self {
        let mut points: Vec<i64> = records.reports.iter().map(|report| report.point).collect();
        points.sort_unstable();
        let twice = points.windows(2).filter(|two| two[0] == two[1]);
        let twice = twice.map(|two| two[0]).collect();
        points.dedup();
        let span = match (points.first(), points.last()) {
            (Some(first), Some(last)) => (last - first) / records.step + 1,
            _ => 0,
        };
        let reports = records.reports.iter().map(|report| &report.written);
        let mut by: BTreeMap<String, [Work; 2]> = BTreeMap::new();
        let all = [reports.clone().collect(), records.censuses.iter().collect()];
        for (kind, rows) in all.iter().enumerate() {
            let rows: &Vec<&Written> = rows;
            for row in rows {
                let work = &mut by.entry(row.replica.clone()).or_default()[kind];
                work.rows += 1;
                work.fences.insert(row.fence);
            }
        }
        Self {
            points: usize::try_from(span).unwrap_or(0),
            reports: records.reports.len(),
            retried: records
                .reports
                .iter()
                .filter(|report| report.attempt > 1)
                .count(),
            twice,
            censuses: records.censuses.len(),
            stale_reports: stale(reports),
            stale_censuses: stale(records.censuses.iter()),
            gaps: gaps(records),
            by,
        }
    }

    /// Whether the rules were kept, and there was something to keep them with.
    pub fn is_good(&self) -> bool {
        let is_explained = |gap: &Gap| gap.why != Why::Unexplained;
        self.twice.is_empty()
            && self.stale_reports + self.stale_censuses == 0
            && self.gaps.iter().all(is_explained)
            && self.reports > 0
            && self.censuses > 0
    }
}

/// How many come after one with a greater fence.
fn stale<'a>(rows: impl Iterator<Item = &'a Written>) -> usize {
    let mut newest = 0;
    rows.filter(|row| {
        newest = newest.max(row.fence);
        row.fence < newest
    })
    .count()
}

/// A report stands for as many of the points before it as it says. Others are told of by a log.
fn gaps(records: &Records) -> Vec<Gap> {
    let mut reports: Vec<&Report> = records.reports.iter().collect();
    reports.sort_by_key(|report| report.point);
    let mut gaps = Vec::new();
    for two in reports.windows(2) {
        let (before, report) = (two[0], two[1]);
        let missing = (1..).map(|night| before.point + night * records.step);
        let mut missing: Vec<i64> = missing.take_while(|point| *point < report.point).collect();
        let says_so =
            |missing: &Vec<i64>| i64::try_from(missing.len()).is_ok_and(|gap| gap <= report.missed);
        if !says_so(&missing) {
            missing.retain(|point| match records.told.get(point) {
                Some(line) => {
                    gaps.push(Gap {
                        points: vec![*point],
                        why: Why::Told(line.clone()),
                    });
                    false
                }
                None => true,
            });
        }
        if missing.is_empty() {
            continue;
        }
        let why = if says_so(&missing) {
            Why::StoodFor(report.point, report.written.replica.clone())
        } else {
            Why::Unexplained
        };
        gaps.push(Gap {
            points: missing,
            why,
        });
    }
    gaps
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "who ran what:")?;
        for (replica, [reports, censuses]) in &self.by {
            writeln!(f, "  {replica}: report {reports}; census {censuses}")?;
        }
        if !self.gaps.is_empty() {
            writeln!(f, "nights without a report of their own:")?;
        }
        for gap in &self.gaps {
            let points: Vec<String> = gap.points.iter().map(|point| time(*point)).collect();
            writeln!(f, "  {}: {}", points.join(", "), gap.why)?;
        }
        writeln!(
            f,
            "{} nights: {} reports, {} by a later attempt, {} twice; {} censuses; {} stale reports, {} stale censuses",
            self.points,
            self.reports,
            self.retried,
            self.twice.len(),
            self.censuses,
            self.stale_reports,
            self.stale_censuses,
        )?;
        f.write_str(if self.is_good() {
            "verdict: kept. No night has two reports, nothing stale is written, every gap is explained"
        } else {
            "verdict: BROKEN"
        })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StoodFor(point, replica) => {
                write!(
                    f,
                    "the report of {} by {replica} stands for them",
                    time(*point)
                )
            }
            Self::Told(line) => f.write_str(line),
            Self::Unexplained => f.write_str("UNEXPLAINED"),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fences: Vec<String> = self.fences.iter().map(i64::to_string).collect();
        match self.rows {
            0 => f.write_str("never"),
            rows => write!(f, "{rows} times by fence {}", fences.join(", ")),
        }
    }
}

/// The time of the day, by UTC.
fn time(point: i64) -> String {
    let of_day = point.rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(replica: &str, fence: i64) -> Written {
        Written {
            replica: replica.to_owned(),
            fence,
        }
    }

    fn report(point: i64, missed: i64, replica: &str, fence: i64) -> Report {
        Report {
            point,
            attempt: 1,
            missed,
            written: written(replica, fence),
        }
    }

    /// Reports every two seconds, and three nights without any that the last one stands for.
    fn kept() -> Records {
        Records {
            reports: vec![
                report(10, 0, "a", 1),
                report(12, 0, "a", 1),
                report(20, 3, "b", 2),
            ],
            censuses: vec![written("a", 1), written("b", 2)],
            step: 2,
            ..Records::default()
        }
    }

    #[test]
    fn what_kept_the_rules_is_good_and_its_gap_is_explained() {
        let verdict = Verdict::of(&kept());
        assert!(verdict.is_good(), "{verdict}");
        let gap = Gap {
            points: vec![14, 16, 18],
            why: Why::StoodFor(20, "b".to_owned()),
        };
        assert_eq!((verdict.points, verdict.gaps), (6, vec![gap]));
    }

    #[test]
    fn a_night_with_two_reports_is_seen() {
        let mut records = kept();
        records.reports.push(report(12, 0, "b", 2));
        let verdict = Verdict::of(&records);
        assert_eq!(
            (verdict.twice.as_slice(), verdict.is_good()),
            (&[12][..], false)
        );
    }

    #[test]
    fn what_is_written_after_a_later_holder_is_seen() {
        let mut records = kept();
        records.censuses.push(written("a", 1));
        records.reports.push(report(22, 0, "a", 1));
        let verdict = Verdict::of(&records);
        assert_eq!((verdict.stale_reports, verdict.stale_censuses), (1, 1));
        assert!(!verdict.is_good());
    }

    #[test]
    fn a_gap_that_nobody_tells_of_is_seen() {
        let mut records = kept();
        records.reports[2].missed = 2;
        let verdict = Verdict::of(&records);
        assert!(!verdict.is_good());
        assert!(
            verdict
                .to_string()
                .contains("00:00:14, 00:00:16, 00:00:18: UNEXPLAINED")
        );
        records.told.insert(16, "no report".to_owned());
        assert!(Verdict::of(&records).is_good());
    }

    #[test]
    fn a_run_in_which_nothing_was_done_is_not_good() {
        let records = Records {
            step: 2,
            ..Records::default()
        };
        assert!(!Verdict::of(&records).is_good());
    }
}
