//! `avg` of decimals, rounded half away from zero in its last digit, as in SQL and Spark: DataFusion
//! cuts the rest off. So do those of decimals of 34 digits and more, which have no room for one more.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, FieldRef};
use datafusion::common::Result;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator};

use super::stand_in::left_to_inner;
use super::sum::{Checked, CheckedGroups, Overflow, Types, of_type};

/// `avg`, under DataFusion's names.
pub(crate) fn avg() -> Arc<AggregateUDF> {
    let inner = avg_udaf();
    Arc::new(AggregateUDF::new_from_impl(Average { inner }))
}

/// DataFusion's, asked for one digit more, which tells how to round.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Average {
    inner: Arc<AggregateUDF>,
}

impl Average {
    fn inner(&self) -> &dyn AggregateUDFImpl {
        &**self.inner.inner()
    }
}

/// The arguments with one digit more, and how to round; none if there is no room for it.
fn longer<'a>(args: &AccumulatorArgs<'a>) -> Option<(AccumulatorArgs<'a>, Types)> {
    let DataType::Decimal128(precision, scale) = *args.return_type() else {
        return None;
    };
    if precision >= DECIMAL128_MAX_PRECISION {
        return None;
    }
    let types = Types {
        widened: None,
        is_counted: false,
        sum: args.return_type().clone(),
        overflow: Overflow::Error,
    };
    let mut args = args.clone();
    let longer = DataType::Decimal128(precision + 1, scale + 1);
    args.return_field = of_type(&args.return_field, &longer);
    Some((args, types))
}

impl AggregateUDFImpl for Average {
    left_to_inner!();

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner().state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let Some((args, types)) = longer(&args) else {
            return self.inner().accumulator(args);
        };
        let inner = self.inner().accumulator(args)?;
        Ok(Box::new(Checked { inner, types }))
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let Some((args, types)) = longer(&args) else {
            return self.inner().create_groups_accumulator(args);
        };
        let inner = self.inner().create_groups_accumulator(args)?;
        Ok(Box::new(CheckedGroups { inner, types }))
    }
}
