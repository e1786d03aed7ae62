"""Columns of numbers and of labels: one decision, wherever a column is read."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklstm import (
    CalendarFeatures,
    LSTMRegressor,
    PanelForecaster,
    SeriesEncoder,
    SeriesImputer,
    SeriesLog,
    SeriesScaler,
    SlidingWindow,
    StaticFeatures,
)

INDEX = pd.MultiIndex.from_product(
    [["a", "b"], pd.date_range("2024-01-01", periods=30)], names=["store", "day"]
)
PAST = INDEX.get_level_values("day") < "2024-01-26"
PRICE = pd.Series(
    np.random.default_rng(0).uniform(1, 10, len(INDEX)).round(2), INDEX, name="price"
)
HOLES = np.arange(len(INDEX)) % 7 == 3
READERS = [SeriesScaler(), SeriesLog(), SeriesImputer(), SlidingWindow(3)]


def table_of(X):
    """A table of facts, a row for each store."""
    return X.groupby(level="store").first()


def as_objects(function):
    return pd.Series([function(v) for v in PRICE], INDEX, dtype=object, name="price")


NUMBERS = {
    "floats": PRICE.astype(object),
    "Decimal": as_objects(lambda v: Decimal(str(v))),
    "Fraction": as_objects(lambda v: Fraction(str(v))),
    "numpy": as_objects(np.float64),
    "mixed": as_objects(lambda v: Decimal(str(v)) if v > 5 else v),
    "Float64": PRICE.astype("Float64"),
    "sparse": PRICE.astype("Sparse"),
}
MISSING = {
    "None": PRICE.astype(object).where(~HOLES, None),
    "NA": PRICE.astype(object).where(~HOLES, pd.NA),
    "Float64": PRICE.astype("Float64").where(~HOLES, pd.NA),
}


def forecaster(known=("price",), **options):
    window = SlidingWindow(3, known_covariates=list(known), flat=True)
    steps = make_pipeline(SeriesImputer(), SeriesScaler(), window, Ridge(1e-6))
    return PanelForecaster(steps, horizon=2, **options)


def arrow(column):
    pa = pytest.importorskip("pyarrow")
    return {
        "double": column.astype(pd.ArrowDtype(pa.float64())),
        "decimal": NUMBERS["Decimal"].astype(pd.ArrowDtype(pa.decimal128(10, 2))),
    }


def assert_reads_as_floats(column, expected):
    """Every reader makes the same of a column as of its floats."""
    X, floats = column.to_frame("price"), expected.to_frame("price")
    for reader in READERS[:3]:
        out, wanted = reader.fit_transform(X), reader.fit_transform(floats)
        pd.testing.assert_frame_equal(out, wanted)
    table, wanted = (SlidingWindow(3).fit_transform(part).table for part in (X, floats))
    np.testing.assert_array_equal(table.values, wanted.values)
    assert table.names == ("price",)
    facts, wanted = (StaticFeatures(table_of(part)) for part in (X, floats))
    rows = X[[]]
    pd.testing.assert_frame_equal(facts.fit_transform(rows), wanted.fit_transform(rows))
    inputs = (
        SlidingWindow(3, target="price").fit_transform(part) for part in (X, floats)
    )
    targets = [windows.table.target for windows in inputs]
    np.testing.assert_array_equal(*targets)


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_are_numbers_whatever_the_dtype(kind):
    column = NUMBERS[kind]
    assert_reads_as_floats(column, PRICE)
    X, y = column.to_frame("price"), 3 * PRICE
    ahead = X[~PAST].groupby(level="store").head(2)
    model = forecaster(target_transformer=SeriesScaler()).fit(X[PAST], y[PAST])
    assert_allclose(model.predict(ahead), y[ahead.index], rtol=1e-2)
    model = forecaster(known=()).fit(X[PAST], column[PAST])
    expected = forecaster(known=()).fit(X[PAST], PRICE[PAST]).forecast()
    pd.testing.assert_series_equal(model.forecast(), expected)


@pytest.mark.parametrize("kind", MISSING)
def test_missing_values_among_numbers_are_missing(kind):
    assert_reads_as_floats(MISSING[kind], PRICE.where(~HOLES))


def test_numbers_of_pyarrow_are_numbers():
    for column in arrow(PRICE).values():
        assert_reads_as_floats(column, PRICE)


def test_labels_of_pyarrow_are_labels():
    pa = pytest.importorskip("pyarrow")
    kind = pd.Series(np.where(PRICE > 5, "x", "y"), INDEX)
    expected = SlidingWindow(3).fit_transform(kind.to_frame("kind")).table.codes
    for dtype in (pa.string(), pa.dictionary(pa.int32(), pa.string())):
        X = kind.astype(pd.ArrowDtype(dtype)).to_frame("kind")
        codes = SlidingWindow(3).fit_transform(X).table.codes
        np.testing.assert_array_equal(codes, expected)
    days = pd.Series(INDEX.get_level_values("day"), INDEX)
    with pytest.raises(TypeError, match="times cannot be put into windows"):
        SlidingWindow(3).fit(days.astype(pd.ArrowDtype(pa.date32())).to_frame("day"))


def test_bools_with_none_are_numbers_to_windows_and_pass_the_scaler():
    X = (PRICE > 5).astype(object).where(~HOLES, None).to_frame("promotion")
    out = SeriesScaler().fit_transform(X)
    pd.testing.assert_frame_equal(out, X)
    values = SlidingWindow(3).fit_transform(out).table.values[:, 0]
    expected = (PRICE > 5).astype(float).where(~HOLES)
    np.testing.assert_array_equal(values, expected)


def test_real_text_and_categories_stay_labels():
    kind = pd.Series(np.where(PRICE > 5, "small", "big"), INDEX)
    X = pd.DataFrame(
        {
            "text": kind,
            "object": kind.astype(object),
            "bus": np.where(PRICE > 5, "12A", "7"),
            "number": pd.Categorical(np.where(PRICE > 5, 1, 2)),
            "text_of_number": pd.Categorical(np.where(PRICE > 5, "1", "2")),
        }
    )
    window = SlidingWindow(3).fit(X)
    assert list(window.categories_) == list(X.columns)
    assert window.categories_["number"].tolist() == [1, 2]
    for reader in READERS[:3]:
        pd.testing.assert_frame_equal(reader.fit_transform(X), X)


@pytest.mark.parametrize("reader", [*READERS, forecaster()], ids=repr)
@pytest.mark.parametrize(
    ("column", "message"),
    [
        (PRICE.astype(str), "Column 'price' of X contains numbers as text, such as '"),
        (
            PRICE.astype(str).where(~HOLES, "n/a"),
            "beside 'n/a'. Convert them with pd.to_numeric(X['price'], "
            "errors='coerce') where the other values stand for missing ones, or, if "
            "they are labels, with X['price'].astype('category').",
        ),
        (PRICE.map("{:.1f} %".format), "contains numbers as text, such as '"),
        (PRICE.map("{:,.2f}".format).str.replace(".", ","), "contains numbers as text"),
        (
            PRICE.astype(object).where(~HOLES, "n/a"),
            "and labels such as 'n/a'. Convert all values to numbers, with "
            "pd.to_numeric(X['price'], errors='coerce') if the labels mean missing "
            "values, or to labels, with X['price'].astype(str).astype('category').",
        ),
    ],
    ids=["text", "n/a", "percent", "commas", "mixed"],
)
def test_numbers_as_text_and_mixtures_raise(reader, column, message):
    X = column.to_frame("price")
    with pytest.raises(TypeError, match=re.escape(message)):
        reader.fit(X, PRICE)


def test_the_line_of_the_error_mends_it():
    X = PRICE.astype(str).to_frame("price")
    X["price"] = pd.to_numeric(X["price"])
    assert_reads_as_floats(X["price"], PRICE)
    X["price"] = PRICE.astype(str).astype("category")
    assert list(SlidingWindow(3).fit(X).categories_) == ["price"]


@pytest.mark.parametrize("reader", [SeriesScaler(), SeriesLog(), SlidingWindow(3)])
@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        (date(2024, 1, 1), "pd.to_datetime(X['w']).dt.day_of_week."),
        (pd.Timestamp("2024-01-01"), "such as X['w'].dt.day_of_week."),
        (pd.Timedelta("1D"), "such as X['w'].dt.total_seconds()."),
        (pd.Period("2024-01", "M"), "such as X['w'].dt.day_of_week."),
    ],
)
def test_times_raise_and_the_error_makes_numbers_of_them(reader, value, remedy):
    X = PRICE.to_frame().assign(w=pd.Series([value] * len(INDEX), INDEX))
    with pytest.raises(TypeError, match=re.escape("times cannot be")) as caught:
        reader.fit(X)
    assert remedy in str(caught.value)


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, 1j], ids=str)
@pytest.mark.parametrize(
    "reader", [SeriesScaler(), SeriesLog(), SlidingWindow(3)], ids=repr
)
def test_values_that_are_neither_numbers_nor_labels_raise(reader, value):
    X = PRICE.to_frame().assign(w=pd.Series([value] * len(INDEX), INDEX, dtype=object))
    message = "Column 'w' of X has dtype object, neither real numbers nor labels"
    with pytest.raises(TypeError, match=message):
        reader.fit(X)


@pytest.mark.parametrize("huge", [10**400, Decimal("Infinity"), np.inf])
def test_numbers_without_a_float_raise(huge):
    X = pd.Series([huge] * len(INDEX), INDEX, dtype=object).to_frame("price")
    message = "'price' of X contains infinity or a value"
    for reader in READERS:
        with pytest.raises(ValueError, match=message):
            reader.fit(X)


def test_a_value_without_a_float_is_named_with_its_row():
    X = PRICE.mask(HOLES, 1e39).to_frame("price")
    message = "too large for float32, first 1e+39 at ('a', 2024-01-04). Replace it"
    with pytest.raises(ValueError, match=re.escape(message)):
        SlidingWindow(3).fit(X)


def test_columns_keep_their_kind_after_fit():
    X = PRICE.to_frame().assign(kind=np.where(PRICE > 5, "x", "y"))
    window = SlidingWindow(3).fit(X)
    with pytest.raises(TypeError, match="Column 'price' of X must be numeric, but has"):
        window.transform(X.assign(price="dear"))
    with pytest.raises(TypeError, match="Column 'kind' of X contained labels in fit"):
        window.transform(X.assign(kind=1.0))
    assert (window.transform(X.assign(kind=np.nan)).table.codes == 0).all()


def test_known_columns_and_updates_keep_their_kind():
    X = PRICE.to_frame().assign(kind=np.where(PRICE > 5, "x", "y"))
    model = forecaster(["price", "kind"]).fit(X[PAST], PRICE[PAST])
    ahead = X[~PAST].groupby(level="store").head(2)
    changes = {"price": ahead["price"].astype(str), "kind": 1.0}
    for name, values in changes.items():
        changed = ahead.assign(**{name: values})
        for call in (model.predict, lambda rows: model.update(rows, PRICE[rows.index])):
            with pytest.raises(TypeError, match=f"Column '{name}' of X"):
                call(changed)
    # None of it was taken over.
    expected = forecaster(["price", "kind"]).fit(X[PAST], PRICE[PAST]).predict(ahead)
    np.testing.assert_array_equal(model.predict(ahead), expected)


def test_past_only_columns_may_hold_anything_in_the_rows_ahead():
    X = PRICE.to_frame().assign(kind=np.where(PRICE > 5, "x", "y"))
    model = forecaster().fit(X[PAST], PRICE[PAST])
    ahead = X[~PAST].groupby(level="store").head(2)
    expected = model.predict(ahead)
    for value in (1.0, np.nan, None):
        np.testing.assert_array_equal(model.predict(ahead.assign(kind=value)), expected)


def test_the_regressor_reads_targets_as_the_forecaster_does():
    lstm = LSTMRegressor(hidden_size=2, max_epochs=1, random_state=0, device="cpu")
    X = np.random.default_rng(0).normal(size=(len(INDEX), 4))
    expected = lstm.fit(X, PRICE).predict(X)
    for y in NUMBERS.values():
        for values in (y, y.to_numpy(), list(y)):
            np.testing.assert_array_equal(lstm.fit(X, values).predict(X), expected)
    with pytest.raises(TypeError, match="^y must be numeric, but has dtype"):
        lstm.fit(X, PRICE.astype(str))
    two = pd.DataFrame({"p": MISSING["NA"], "q": PRICE})
    floats = two.assign(p=PRICE.where(~HOLES))
    expected = lstm.fit(X, floats).predict(X)
    np.testing.assert_array_equal(lstm.fit(X, two).predict(X), expected)


class TestIntegerNames:
    X = pd.DataFrame({0: PRICE, 1: PRICE.where(~HOLES)})
    TABLE = pd.DataFrame({"area": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="store"))
    STEPS = (
        SeriesEncoder(),
        SeriesEncoder("onehot", columns=[0]),
        StaticFeatures(TABLE),
        CalendarFeatures(),
        SeriesImputer(add_indicator=True),
    )

    @pytest.mark.parametrize("step", STEPS, ids=repr)
    @pytest.mark.parametrize("output", ["default", "pandas"])
    def test_survive_every_step_that_appends(self, step, output):
        step.set_output(transform=output).fit(self.X[PAST])
        out = step.transform(self.X[~PAST])
        assert all(isinstance(name, str) for name in out.columns)
        # Any other step takes them.
        SeriesScaler().fit(out)
        kept = [name for name in out.columns if name in ("1", "x1")]
        missing = isinstance(step, SeriesImputer)
        expected = self.X.loc[~PAST, 1]
        assert out[kept[0]].isna().equals(expected.isna()) or missing

    def test_stay_as_they_are_where_nothing_is_appended(self):
        assert list(SeriesScaler().fit_transform(self.X).columns) == [0, 1]
        facts = StaticFeatures(self.TABLE.set_axis([7], axis=1))
        assert list(facts.fit_transform(self.X).columns) == [0, 1, 7]
        encoder = SeriesEncoder(levels=[])
        assert list(encoder.fit_transform(self.X).columns) == [0, 1]

    @pytest.mark.parametrize("output", ["default", "pandas"])
    def test_survive_a_whole_pipeline(self, output):
        steps = make_pipeline(
            *self.STEPS[2:],
            SeriesScaler(),
            SeriesEncoder("onehot"),
            SlidingWindow(3, known_covariates=[0], flat=True),
            Ridge(1e-6),
        ).set_output(transform=output)
        model = PanelForecaster(steps, horizon=2, target_transformer=SeriesScaler())
        y = 3 * PRICE
        model.fit(self.X[PAST], y[PAST])
        ahead = self.X[~PAST].groupby(level="store").head(2)
        assert_allclose(model.predict(ahead), y[ahead.index], rtol=1e-2)

    def test_a_clash_with_a_number_as_text_raises(self):
        table = self.TABLE.set_axis(["0"], axis=1)
        with pytest.raises(ValueError, match="several columns named '0'"):
            StaticFeatures(table).fit(self.X)


@pytest.mark.parametrize(
    ("y", "named", "code"),
    [
        (PRICE.astype(str), None, "pd.to_numeric(y), or"),
        (PRICE.astype(str).where(~HOLES, "-"), "'-'", "pd.to_numeric(y, errors="),
        (PRICE.astype(object).where(~HOLES, "n/a"), "'n/a'", "errors='coerce') where"),
    ],
    ids=["text", "text and a sign", "numbers and text"],
)
def test_the_remedy_in_the_error_makes_numbers_of_y(y, named, code):
    with pytest.raises(TypeError, match=re.escape(code)) as caught:
        forecaster(known=()).fit(PRICE.to_frame("price"), y)
    assert named is None or f"such as {named}" in str(caught.value)
    errors = "raise" if named is None else "coerce"
    read = pd.to_numeric(y, errors=errors)
    expected = PRICE if named is None else PRICE.mask(HOLES)
    pd.testing.assert_series_equal(read.astype(float), expected)
