//! The order in which a project's statements run.
//!
//! A statement runs after those that create what it reads, and after the ones above it in its file.
//! Beyond that, layers and file names decide, so that the order is the same every time.

use std::collections::{BTreeSet, HashMap};

use mica_catalog::RelationName;

use super::Project;
use super::read::{Item, in_file};
use crate::{Error, Result, Statement};

/// Indexes of `items` in the order to run them.
///
/// # Errors
/// A name that is created twice; a cycle, with the names along it.
pub(super) fn order(project: &Project, items: &[Item]) -> Result<Vec<usize>> {
    let creators = creators(project, items)?;
    let mut waits: Vec<usize> = vec![0; items.len()];
    let mut unblocks: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for (at, waits) in waits.iter_mut().enumerate() {
        for before in needs(items, &creators, at) {
            *waits += 1;
            unblocks[before].push(at);
        }
    }
    let mut ready: BTreeSet<(bool, usize, usize, usize)> = BTreeSet::new();
    // Schemas first: they need nothing, and all that lies in them needs them.
    let is_schema = |at: usize| matches!(items[at].parsed.statement, Statement::CreateSchema(_));
    let key = |at: usize| (!is_schema(at), items[at].file, items[at].place, at);
    ready.extend((0..items.len()).filter(|at| waits[*at] == 0).map(key));
    let mut order = Vec::with_capacity(items.len());
    while let Some((.., at)) = ready.pop_first() {
        order.push(at);
        for next in &unblocks[at] {
            waits[*next] -= 1;
            if waits[*next] == 0 {
                ready.insert(key(*next));
            }
        }
    }
    match waits.iter().position(|waits| *waits > 0) {
        None => Ok(order),
        Some(stuck) => Err(cycle(project, items, &creators, &waits, stuck)),
    }
}

/// Who creates what. A name may be created twice by the same text; the first counts.
fn creators(project: &Project, items: &[Item]) -> Result<HashMap<RelationName, usize>> {
    let mut creators: HashMap<RelationName, usize> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        let Some(name) = &item.creates else {
            continue;
        };
        let Some(first) = creators.get(name) else {
            creators.insert(name.clone(), at);
            continue;
        };
        let first = &items[*first];
        if first.parsed.text.text != item.parsed.text.text {
            let other = &project.files[first.file].path;
            let line = first.position().line;
            let error =
                Error::invalid(format!("'{name}' is created differently in {other}:{line}"));
            return Err(in_file(&project.files[item.file], item.position(), error));
        }
    }
    Ok(creators)
}

/// What must run before the item at `at`.
fn needs(items: &[Item], creators: &HashMap<RelationName, usize>, at: usize) -> Vec<usize> {
    let item = &items[at];
    let mut before: Vec<usize> = item
        .reads
        .iter()
        .filter_map(|name| creators.get(name).copied())
        .filter(|creator| *creator != at)
        .collect();
    if let Some(above) = at
        .checked_sub(1)
        .filter(|above| items[*above].file == item.file)
    {
        before.push(above);
    }
    before.sort_unstable();
    before.dedup();
    before
}

/// The error for items that wait for each other.
fn cycle(
    project: &Project,
    items: &[Item],
    creators: &HashMap<RelationName, usize>,
    waits: &[usize],
    stuck: usize,
) -> Error {
    // Going back along unmet needs must meet a statement again.
    let mut path = vec![stuck];
    let repeated = loop {
        let at = path[path.len() - 1];
        let needs = needs(items, creators, at);
        let Some(next) = needs.into_iter().find(|before| waits[*before] > 0) else {
            break 0;
        };
        if let Some(seen) = path.iter().position(|seen| *seen == next) {
            break seen;
        }
        path.push(next);
    };
    let circle = &path[repeated..];
    let step = |at: &usize| {
        let Item { creates, file, .. } = &items[*at];
        let position = items[*at].position();
        let name = creates.as_ref().map(ToString::to_string);
        let name = name.unwrap_or_else(|| "a statement".to_owned());
        format!("{name} ({}:{})", project.files[*file].path, position.line)
    };
    let path: Vec<String> = circle.iter().chain(&circle[..1]).map(step).collect();
    let error = Error::Circle {
        path: path.join(" -> "),
    };
    let first = &items[circle[0]];
    in_file(&project.files[first.file], first.position(), error)
}
