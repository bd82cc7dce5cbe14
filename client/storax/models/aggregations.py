"""The names of aggregations. Written by `python -m tools.codegen`; do not edit."""


class AggregationNames:
    """One attribute for each aggregation that the engine declares, and sets of them."""

    AVG = "AVG"
    AVG_TIME_BETWEEN = "AVG_TIME_BETWEEN"
    COUNT = "COUNT"
    COUNT_ABOVE_MEAN = "COUNT_ABOVE_MEAN"
    COUNT_BELOW_MEAN = "COUNT_BELOW_MEAN"
    COUNT_DISTINCT = "COUNT_DISTINCT"
    COUNT_DISTINCT_OVER_COUNT = "COUNT_DISTINCT_OVER_COUNT"
    COUNT_MINUS_COUNT_DISTINCT = "COUNT_MINUS_COUNT_DISTINCT"
    EWMA_1D = "EWMA_1D"
    EWMA_1H = "EWMA_1H"
    EWMA_1M = "EWMA_1M"
    EWMA_1S = "EWMA_1S"
    EWMA_30D = "EWMA_30D"
    EWMA_365D = "EWMA_365D"
    EWMA_7D = "EWMA_7D"
    EWMA_90D = "EWMA_90D"
    EWMA_TREND_1D = "EWMA_TREND_1D"
    EWMA_TREND_1H = "EWMA_TREND_1H"
    EWMA_TREND_1M = "EWMA_TREND_1M"
    EWMA_TREND_1S = "EWMA_TREND_1S"
    EWMA_TREND_30D = "EWMA_TREND_30D"
    EWMA_TREND_365D = "EWMA_TREND_365D"
    EWMA_TREND_7D = "EWMA_TREND_7D"
    EWMA_TREND_90D = "EWMA_TREND_90D"
    FIRST = "FIRST"
    KURTOSIS = "KURTOSIS"
    LAST = "LAST"
    MAX = "MAX"
    MEDIAN = "MEDIAN"
    MIN = "MIN"
    MODE = "MODE"
    NUM_MAX = "NUM_MAX"
    NUM_MIN = "NUM_MIN"
    Q1 = "Q1"
    Q10 = "Q10"
    Q25 = "Q25"
    Q5 = "Q5"
    Q75 = "Q75"
    Q90 = "Q90"
    Q95 = "Q95"
    Q99 = "Q99"
    SKEW = "SKEW"
    STDDEV = "STDDEV"
    SUM = "SUM"
    TIME_SINCE_FIRST_MAXIMUM = "TIME_SINCE_FIRST_MAXIMUM"
    TIME_SINCE_FIRST_MINIMUM = "TIME_SINCE_FIRST_MINIMUM"
    TIME_SINCE_LAST_MAXIMUM = "TIME_SINCE_LAST_MAXIMUM"
    TIME_SINCE_LAST_MINIMUM = "TIME_SINCE_LAST_MINIMUM"
    TREND = "TREND"
    VAR = "VAR"
    VARIATION_COEFFICIENT = "VARIATION_COEFFICIENT"
    minimal = (
        AVG,
        COUNT,
        MAX,
        MIN,
        SUM,
    )
    default = (
        AVG,
        COUNT,
        COUNT_DISTINCT,
        COUNT_MINUS_COUNT_DISTINCT,
        FIRST,
        LAST,
        MAX,
        MEDIAN,
        MIN,
        MODE,
        STDDEV,
        SUM,
        TREND,
        AVG_TIME_BETWEEN,
    )
    fastprop_default = default
    fastprop_all = (
        AVG,
        COUNT,
        COUNT_DISTINCT,
        COUNT_MINUS_COUNT_DISTINCT,
        FIRST,
        LAST,
        MAX,
        MEDIAN,
        MIN,
        MODE,
        STDDEV,
        SUM,
        TREND,
        AVG_TIME_BETWEEN,
        COUNT_ABOVE_MEAN,
        COUNT_BELOW_MEAN,
        COUNT_DISTINCT_OVER_COUNT,
        EWMA_1S,
        EWMA_1M,
        EWMA_1H,
        EWMA_1D,
        EWMA_7D,
        EWMA_30D,
        EWMA_90D,
        EWMA_365D,
        EWMA_TREND_1S,
        EWMA_TREND_1M,
        EWMA_TREND_1H,
        EWMA_TREND_1D,
        EWMA_TREND_7D,
        EWMA_TREND_30D,
        EWMA_TREND_90D,
        EWMA_TREND_365D,
        KURTOSIS,
        NUM_MAX,
        NUM_MIN,
        Q1,
        Q5,
        Q10,
        Q25,
        Q75,
        Q90,
        Q95,
        Q99,
        SKEW,
        TIME_SINCE_FIRST_MAXIMUM,
        TIME_SINCE_FIRST_MINIMUM,
        TIME_SINCE_LAST_MAXIMUM,
        TIME_SINCE_LAST_MINIMUM,
        VAR,
        VARIATION_COEFFICIENT,
    )
    all = fastprop_all
