//! Finds circles among views.
//!
//! Uses a worklist with an explicit path, not recursion: a deep stack of views cannot overflow the
//! thread's stack.

use std::collections::{HashMap, HashSet};

use crate::{Change, RelationName, Result, error::Error};

/// The views that `changes` put, with what each of them reads.
pub(crate) fn changed_views(changes: &[Change]) -> HashMap<RelationName, Vec<RelationName>> {
    let mut views = HashMap::new();
    for change in changes {
        match change {
            Change::Put { name, body, .. } => {
                let reads = body.dependencies().iter();
                views.insert(name.clone(), reads.map(|dep| dep.name.clone()).collect());
            }
            Change::Drop(name) => {
                views.remove(name);
            }
            _ => {}
        }
    }
    views
}

/// Checks that no view in `changed` reaches itself. `reads` answers for relations that are not in
/// `changed`: what the relation of that name reads in the catalog as it will be.
///
/// # Errors
/// [`Error::Cycle`] with the names along it; whatever `reads` returns.
pub(crate) fn check_no_cycle(
    changed: &HashMap<RelationName, Vec<RelationName>>,
    mut reads: impl FnMut(&RelationName) -> Result<Vec<RelationName>>,
) -> Result<()> {
    let mut done: HashSet<RelationName> = HashSet::new();
    let mut starts: Vec<&RelationName> = changed.keys().collect();
    starts.sort();
    for start in starts {
        walk(start, changed, &mut reads, &mut done)?;
    }
    Ok(())
}

fn walk(
    start: &RelationName,
    changed: &HashMap<RelationName, Vec<RelationName>>,
    reads: &mut impl FnMut(&RelationName) -> Result<Vec<RelationName>>,
    done: &mut HashSet<RelationName>,
) -> Result<()> {
    if done.contains(start) {
        return Ok(());
    }
    let mut below = |name: &RelationName| match changed.get(name) {
        Some(below) => Ok(below.clone()),
        None => reads(name),
    };
    let mut path = Path::default();
    path.enter(start.clone(), below(start)?);
    while let Some((_, unvisited)) = path.steps.last_mut() {
        match unvisited.next() {
            Some(next) if path.names.contains(&next) => {
                let path = path.circle(&next);
                return Err(Error::Cycle { path });
            }
            Some(next) if done.contains(&next) => {}
            Some(next) => {
                let below = below(&next)?;
                path.enter(next, below);
            }
            None => done.extend(path.leave()),
        }
    }
    Ok(())
}

/// The way down from where a walk started.
#[derive(Default)]
struct Path {
    /// Each relation with what is still to be visited below it.
    steps: Vec<(RelationName, std::vec::IntoIter<RelationName>)>,
    /// The names of all steps.
    names: HashSet<RelationName>,
}

impl Path {
    fn enter(&mut self, name: RelationName, below: Vec<RelationName>) {
        self.names.insert(name.clone());
        self.steps.push((name, below.into_iter()));
    }

    fn leave(&mut self) -> Option<RelationName> {
        let (name, _) = self.steps.pop()?;
        self.names.remove(&name);
        Some(name)
    }

    /// The steps from `name` on: those that lie on the circle, without the way to it.
    fn circle(self, name: &RelationName) -> Vec<RelationName> {
        let names = self.steps.into_iter().map(|(name, _)| name);
        names.skip_while(|step| step != name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RelationName {
        RelationName::new("s", text)
    }

    #[track_caller]
    fn check(edges: &[(&str, &[&str])], expected: Option<&[&str]>) {
        let changed = edges
            .iter()
            .map(|(from, to)| (name(from), to.iter().map(|to| name(to)).collect()))
            .collect();
        let found = match check_no_cycle(&changed, |_| Ok(Vec::new())) {
            Err(Error::Cycle { path }) => Some(path),
            other => {
                other.unwrap();
                None
            }
        };
        let expected = expected.map(|names| names.iter().map(|n| name(n)).collect::<Vec<_>>());
        assert_eq!(found, expected);
    }

    #[test]
    fn a_diamond_is_no_cycle() {
        check(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"])], None);
    }

    #[test]
    fn the_circle_alone_is_named_not_the_way_to_it() {
        check(
            &[("a", &["b"]), ("b", &["c"]), ("c", &["b"])],
            Some(&["b", "c"]),
        );
    }

    #[test]
    fn a_view_that_reads_itself_is_a_cycle() {
        check(&[("v", &["v"])], Some(&["v"]));
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_does_not_overflow_the_stack() {
        let names: Vec<String> = (0..100_000).map(|i| format!("v{i}")).collect();
        let changed = names
            .windows(2)
            .map(|pair| (name(&pair[0]), vec![name(&pair[1])]))
            .collect();
        check_no_cycle(&changed, |_| Ok(Vec::new())).unwrap();
    }
}
