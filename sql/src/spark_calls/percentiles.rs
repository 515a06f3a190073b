//! Percentiles for several shares at once.

use sqlparser::ast::{CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::of_call;
use crate::synonyms::{self, plain_args};

/// `percentile(x, array(0.25, 0.5))` is an array of one for each share.
pub(super) fn each_percentile(
    name: &str,
    function: &Function,
    args: &[Expr],
    kind: &CastKind,
) -> Option<Expr> {
    const FUNCTIONS: [&str; 3] = ["approx_percentile", "percentile", "percentile_approx"];
    let [value, shares, ..] = args else {
        return None;
    };
    if !FUNCTIONS.contains(&name) {
        return None;
    }
    let shares: Vec<Expr> = match shares {
        Expr::Array(array) => array.elem.clone(),
        Expr::Function(list) if ["array", "make_array"].contains(&called(list).as_str()) => {
            plain_args(list)?.into_iter().cloned().collect()
        }
        Expr::Nested(inner) => {
            let args = [value.clone(), (**inner).clone()];
            return each_percentile(name, function, &args, kind);
        }
        _ => return None,
    };
    let one = |share: Expr| {
        let mut one = function.clone();
        if let FunctionArguments::List(list) = &mut one.args {
            list.args.truncate(2);
            list.args[1] = FunctionArg::Unnamed(FunctionArgExpr::Expr(share));
        }
        of_call(&one, kind)
    };
    let percentiles: Option<Vec<Expr>> = shares.into_iter().map(one).collect();
    Some(synonyms::call_of("make_array", percentiles?))
}

fn called(function: &Function) -> String {
    function.name.to_string().to_ascii_lowercase()
}
