//! Aggregates that look at all values of a group in order: `percentile_disc` and `mode`, as in
//! PostgreSQL and Spark.

use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{SortOptions, concat, filter, is_not_null, sort, sort_limit};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::cast::as_list_array;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, internal_err, not_impl_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

pub(crate) fn all() -> [Arc<AggregateUDF>; 2] {
    let collected = |pick, arguments| {
        let signature = Signature::any(arguments, Volatility::Immutable);
        Arc::new(AggregateUDF::new_from_impl(Collected { pick, signature }))
    };
    [collected(Pick::Percentile, 2), collected(Pick::Mode, 1)]
}

/// Which value an aggregate picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pick {
    /// The first that at least this share of all are not behind.
    Percentile,
    /// The most frequent one, the first of several.
    Mode,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Collected {
    pick: Pick,
    signature: Signature,
}

impl AggregateUDFImpl for Collected {
    fn name(&self) -> &str {
        match self.pick {
            Pick::Percentile => "percentile_disc",
            Pick::Mode => "mode",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(value) => Ok(value.clone()),
            None => plan_err!("{} takes a value", self.name()),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let values = Field::new_list_field(args.return_type().clone(), true);
        let name = format_state_name(args.name, self.name());
        Ok(vec![Arc::new(Field::new_list(name, values, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!("DISTINCT in {}", self.name());
        }
        let share = match self.pick {
            Pick::Percentile => Some(share(&args)?),
            Pick::Mode => None,
        };
        let order = args.order_bys.first();
        Ok(Box::new(Values {
            share,
            descending: order.is_some_and(|order| order.options.descending),
            data_type: args.return_type().clone(),
            values: Vec::new(),
        }))
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }
}

/// The share that a percentile is asked for.
fn share(args: &AccumulatorArgs<'_>) -> Result<f64> {
    let literal = args
        .exprs
        .get(1)
        .and_then(|expr| expr.downcast_ref::<Literal>());
    let share = literal.map(|literal| literal.value().cast_to(&DataType::Float64));
    match share.transpose()? {
        Some(ScalarValue::Float64(Some(share))) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => plan_err!("a percentile takes a literal from 0 to 1 as its share"),
    }
}

/// The values of a group, but NULL.
#[derive(Debug)]
struct Values {
    share: Option<f64>,
    descending: bool,
    data_type: DataType,
    values: Vec<ArrayRef>,
}

impl Values {
    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        let known = match values.null_count() {
            0 => Arc::clone(values),
            _ => filter(values, &is_not_null(values)?)?,
        };
        if !known.is_empty() {
            self.values.push(known);
        }
        Ok(())
    }

    fn all(&self) -> Result<Option<ArrayRef>> {
        let arrays: Vec<&dyn Array> = self.values.iter().map(AsRef::as_ref).collect();
        match arrays.as_slice() {
            [] => Ok(None),
            arrays => Ok(Some(concat(arrays)?)),
        }
    }

    fn options(&self) -> Option<SortOptions> {
        Some(SortOptions {
            descending: self.descending,
            nulls_first: false,
        })
    }

    fn percentile(&self, all: &ArrayRef, share: f64) -> Result<ScalarValue> {
        let place = ((share * all.len() as f64).ceil() as usize).clamp(1, all.len());
        let sorted = sort_limit(all, self.options(), Some(place))?;
        ScalarValue::try_from_array(&sorted, place - 1)
    }

    fn mode(&self, all: &ArrayRef) -> Result<ScalarValue> {
        let sorted = sort(all, self.options())?;
        let runs = datafusion::arrow::compute::partition(&[Arc::clone(&sorted)])?.ranges();
        let longest = runs.into_iter().rev().max_by_key(|run| run.len());
        match longest {
            Some(run) => ScalarValue::try_from_array(&sorted, run.start),
            None => internal_err!("values without a run"),
        }
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match (self.all()?, self.share) {
            (None, _) => ScalarValue::try_from(&self.data_type),
            (Some(all), Some(share)) => self.percentile(&all, share),
            (Some(all), None) => self.mode(&all),
        }
    }

    fn size(&self) -> usize {
        let arrays = self.values.iter();
        // Those of many groups share the buffers of a batch.
        let bytes = arrays.map(|array| array.to_data().get_slice_memory_size());
        size_of_val(self) + bytes.filter_map(Result::ok).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let state = match self.all()? {
            Some(all) => SingleRowListArrayBuilder::new(all).build_list_scalar(),
            None => ScalarValue::try_from(&DataType::new_list(self.data_type.clone(), true))?,
        };
        Ok(vec![state])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = as_list_array(&states[0])?;
        lists
            .iter()
            .flatten()
            .try_for_each(|values| self.add(&values))
    }
}
