//! What all files gave, as a table.

use std::fmt;

use crate::run::Outcome;
use crate::scope::Reason;

/// The outcomes of files.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) outcomes: Vec<Outcome>,
}

impl Report {
    /// Prints each record that failed, and why.
    pub(crate) fn print_failures(&self) {
        for failure in self.outcomes.iter().flat_map(|outcome| &outcome.failures) {
            println!(
                "== {}\n{}\n-- {}\n",
                failure.place, failure.sql, failure.why
            );
        }
    }
}

impl Outcome {
    /// The numbers of its line.
    fn counts(&self) -> Vec<usize> {
        let excluded = Reason::ALL.map(|(reason, _)| self.excluded.get(&reason).copied());
        let excluded = excluded.map(Option::unwrap_or_default);
        let records = excluded.iter().sum::<usize>() + self.compared();
        let mut counts = vec![records];
        counts.extend(excluded);
        counts.extend([self.compared(), self.passed, self.errors]);
        counts
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<56}{:>8}", "file", "records")?;
        for (_, title) in Reason::ALL {
            write!(f, "{title:>10}")?;
        }
        writeln!(
            f,
            "{:>9}{:>8}{:>8}{:>8}",
            "compared", "passed", "errors", "share"
        )?;
        let mut total = vec![0; Reason::ALL.len() + 4];
        for outcome in &self.outcomes {
            let counts = outcome.counts();
            for (sum, count) in std::iter::zip(&mut total, &counts) {
                *sum += count;
            }
            line(f, &outcome.file, &counts)?;
        }
        line(f, "total", &total)
    }
}

fn line(f: &mut fmt::Formatter<'_>, file: &str, counts: &[usize]) -> fmt::Result {
    let [records, excluded @ .., compared, passed, errors] = counts else {
        return Ok(());
    };
    write!(f, "{file:<56}{records:>8}")?;
    for count in excluded {
        write!(f, "{count:>10}")?;
    }
    let share = match compared {
        0 => "-".to_owned(),
        _ => format!(
            "{}.{}%",
            passed * 100 / compared,
            passed * 1000 / compared % 10
        ),
    };
    writeln!(f, "{compared:>9}{passed:>8}{errors:>8}{share:>8}")
}
