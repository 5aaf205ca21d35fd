using System.Text.Json.Nodes;
using Cellcast.AnnData.Tables;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>An <see cref="UncertaintyAnalysis"/> as it leaves: tables and a summary.</summary>
public static class UncertaintyTables
{
    /// <summary>A table of one kind of quantity.</summary>
    /// <param name="kind">Name of the first column: <c>cell</c>, <c>cell_type</c>, <c>gene</c>, <c>patient</c>.</param>
    /// <param name="names">Its values.</param>
    /// <param name="quantity">Name of the quantity: <c>contribution</c>, <c>correlation</c>, <c>linear_predictor</c>.</param>
    /// <param name="values">The quantities.</param>
    /// <param name="more">Further columns, after the first.</param>
    public static CsvFile Of(string kind, IReadOnlyList<string> names, string quantity, IReadOnlyList<QuantityUncertainty> values, params (string Name, IReadOnlyList<string?> Values)[] more)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(more);
        if (names.Count != values.Count) throw new ArgumentException($"{names.Count} names for {values.Count} quantities", nameof(names));
        CsvFile table = new CsvFile().Add(kind, [.. names]);
        foreach (var (name, column) in more) table.Add(name, column);
        table.Add(quantity, [.. values.Select(v => v.Posterior.Value)])
            .Add(quantity + "_sd", [.. values.Select(v => v.Posterior.Sd)])
            .Add(quantity + "_lower", [.. values.Select(v => v.Posterior.Lower)])
            .Add(quantity + "_upper", [.. values.Select(v => v.Posterior.Upper)])
            .Add("probability_adverse", [.. values.Select(v => v.Posterior.ProbabilityPositive)]);
        if (values.Count > 0 && values[0].Bootstrap is not null)
            table.Add("bootstrap_sd", [.. values.Select(v => v.Bootstrap!.Value.Sd)])
                .Add("bootstrap_lower", [.. values.Select(v => v.Bootstrap!.Value.Lower)])
                .Add("bootstrap_upper", [.. values.Select(v => v.Bootstrap!.Value.Upper)])
                .Add("bootstrap_probability_adverse", [.. values.Select(v => v.Bootstrap!.Value.ProbabilityPositive)]);
        if (values.Count > 0 && values[0].Test is not null)
            table.Add("z", [.. values.Select(v => v.Test!.Z)]).Add("p", [.. values.Select(v => v.Test!.P)]).Add("q", [.. values.Select(v => v.Test!.Q)]);
        return table;
    }

    /// <summary>The power of cohorts of several sizes.</summary>
    public static CsvFile Power(IReadOnlyList<PowerPoint> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        return new CsvFile()
            .Add("patients", [.. points.Select(p => p.Patients)])
            .Add("event_share", [.. points.Select(p => p.EventShare)])
            .Add("events", [.. points.Select(p => p.Events)])
            .Add("effect", [.. points.Select(p => p.Effect)])
            .Add("power", [.. points.Select(p => p.Power)])
            .Add("power_se", [.. points.Select(p => p.StandardError)])
            .Add("true_concordance", [.. points.Select(p => p.Concordance)])
            .Add("simulations", [.. points.Select(p => p.Simulations)]);
    }

    /// <summary><c>uncertainty.json</c>.</summary>
    /// <param name="analysis">The analysis.</param>
    /// <param name="input">What it looked at.</param>
    /// <param name="options">How it was made.</param>
    public static JsonObject Summary(UncertaintyAnalysis analysis, UncertaintyInput input, UncertaintyOptions options)
    {
        ArgumentNullException.ThrowIfNull(analysis);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(options);
        int Called(IReadOnlyList<QuantityUncertainty> values) => values.Count(v => v.Test is { Q: <= 0.05 });
        var summary = new JsonObject
        {
            ["patients"] = input.Survival.Count,
            ["events"] = input.Survival.EventCount,
            ["bootstrap"] = options.Bootstrap,
            ["permutations"] = options.Permutations,
            ["effective_parameters"] = double.IsFinite(input.Fit.EffectiveDegreesOfFreedom) ? input.Fit.EffectiveDegreesOfFreedom : null,
        };
        if (analysis.Signal is { } signal)
        {
            summary["signal"] = new JsonObject { ["statistic"] = signal.Statistic, ["p"] = signal.PValue };
            summary["types_with_q_below_0.05"] = Called(analysis.Types);
            summary["genes_with_q_below_0.05"] = Called(analysis.Genes);
        }
        if (analysis.Power.Count > 0)
        {
            summary["power"] = new JsonArray([.. analysis.Power.Select(p => (JsonNode)new JsonObject { ["effect"] = p.Effect, ["power"] = p.Power, ["standard_error"] = p.StandardError, ["true_concordance"] = p.Concordance })]);
            summary["caution"] = analysis.Caution;
        }
        return summary;
    }
}
