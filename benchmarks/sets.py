"""Every benchmark set, as its source or convention has it.

    from benchmarks.sets import SETS
    case = SETS["etth1"].load(folder)

None of the data may be shipped with this repository: the folder is always given. Where
a series has several seasons, training is given the one a user would name first: the day
of hourly data, the week of daily data.
"""

from dataclasses import replace
from functools import partial

from benchmarks.cases import Benchmark, Reader
from benchmarks.frames import competition, interpolated, rows, with_temperature

Seasons = tuple[int, ...]


def _competition(file: str, horizon: int, season: int) -> Benchmark:
    """One frequency of a competition: one origin, the season of its own rules."""
    return Benchmark(
        name=file,
        kind="competition",
        read=partial(competition, file=file),
        horizon=horizon,
        seasons=(season,),
        mase_season=season,
        test_steps=horizon,
        step=horizon,
    )


def _long(file: str, season: int, length: int, fit: int, test: int) -> Benchmark:
    """Windows of 96 steps moved by one over the end of the first `length` rows."""
    return Benchmark(
        name=file,
        kind="long",
        read=partial(rows, file=file, first=length),
        horizon=96,
        seasons=(season,),
        mase_season=season,
        test_steps=test,
        step=1,
        fit_steps=fit,
    )


def _rolling(
    name: str, read: Reader, horizon: int, windows: int, seasons: Seasons, mase: int
) -> Benchmark:
    """Windows side by side over the end of each series; MASE is scaled at lag `mase`."""
    return Benchmark(
        name=name,
        kind="rolling",
        read=read,
        horizon=horizon,
        seasons=seasons,
        mase_season=mase,
        test_steps=horizon * windows,
        step=horizon,
    )


def _file(
    name: str, horizon: int, windows: int, seasons: Seasons, mase: int
) -> Benchmark:
    """Windows over a file that is a set of its own."""
    return _rolling(name, partial(rows, file=name), horizon, windows, seasons, mase)


def _classic(series: str, horizon: int, season: int) -> Benchmark:
    """The end of a well-known series, from one origin."""
    read = partial(interpolated, file="classics", series=series)
    return _rolling(series, read, horizon, 1, (season,), season)


def _transport(day: int, *numbers: int) -> Benchmark:
    """Series of so many hours a day: the night is left out, and not by all alike."""
    ids = tuple(f"hourly_{number:03}" for number in numbers)
    read = partial(rows, file="nngc1_hourly", ids=ids)
    one = _rolling(f"nngc1_hourly_{day}", read, day, 7, (day, 7 * day), day)
    return replace(one, pooled="nngc1_hourly")


def _defective(series: str, day: int) -> Benchmark:
    """Seven days of a series with gaps, duplicates or times beside the grid."""
    read = partial(rows, file="nab_gappy", ids=(series,))
    one = _rolling(f"nab_{series}", read, day, 7, (day,), day)
    return replace(one, mended=True)


def _weather(plain: Benchmark, read: Reader, *covariates: str) -> Benchmark:
    """A set with the weather of each step, known ahead."""
    return replace(
        plain,
        name=f"{plain.name}-weather",
        read=read,
        covariates=covariates,
        without=plain.name,
    )


LOAD = _file("gefcom2012_load", 24, 28, (24, 168), mase=168)
AIR = _file("beijing_pm25_hourly", 24, 28, (24,), mase=24)
BIKES = _file("bikeshare_hourly", 24, 28, (24, 168), mase=168)
AIR_WEATHER = ("dewp", "temp", "pres", "iws", "is", "ir")
BIKE_WEATHER = ("tmin", "tmax", "pn")
ALL = (
    _competition("m4_hourly", 48, 24),
    _competition("m4_weekly", 13, 1),
    _competition("m3_monthly", 18, 12),
    _competition("m3_quarterly", 8, 4),
    # Fitted on the training rows alone; the validation rows are history to forecast from.
    _long("etth1", season=24, length=14_400, fit=8_640, test=2_880),
    _long("exchange_rate", season=1, length=7_588, fit=5_311, test=1_517),
    LOAD,
    _file("electricity_mean_hourly", 24, 28, (24, 168), mase=168),
    _file("nab_nyc_taxi", 48, 14, (48, 336), mase=336),
    AIR,
    BIKES,
    _file("yosemite_temps_5min", 288, 7, (288,), mase=288),
    _file("wikipedia_peyton_manning", 14, 13, (7,), mase=7),
    _file("nngc1_daily", 14, 4, (7,), mase=7),
    _file("nngc1_weekly", 13, 4, (52,), mase=1),
    _transport(18, 1),
    _transport(19, 2),
    _transport(20, *range(3, 12)),
    _classic("air_passengers_monthly", 24, 12),
    _classic("melbourne_min_temp_daily", 365, 365),
    _classic("sunspots_monthly", 132, 132),
    _classic("california_births_daily", 56, 7),
    _classic("co2_weekly", 104, 52),
    _defective("ambient_temperature_system_failure", 24),
    _defective("exchange-4_cpc_results", 24),
    _defective("machine_temperature_system_failure", 288),
    _defective("ec2_request_latency_system_failure", 288),
    _defective("speed_7578", 288),
    _defective("Twitter_volume_GOOG", 288),
    _weather(
        LOAD,
        partial(
            with_temperature, file="gefcom2012_load", stations="gefcom2012_temperature"
        ),
        "temperature",
    ),
    _weather(
        AIR,
        partial(rows, file="beijing_pm25_hourly", covariates=AIR_WEATHER),
        *AIR_WEATHER,
    ),
    _weather(
        BIKES,
        partial(rows, file="bikeshare_hourly", covariates=BIKE_WEATHER),
        *BIKE_WEATHER,
    ),
)
SETS = {one.name: one for one in ALL}
