using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Survival;

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
            ["patients"] = input.Outcome.Count,
            ["events"] = input.Outcome.Kind == OutcomeKind.Continuous ? null : input.Outcome.Information,
            ["outcome"] = input.Outcome.Kind.ToString().ToLowerInvariant(),
            ["covariates"] = (options.Fit?.Covariates?.Length ?? 0) / input.Outcome.Count,
            ["bootstrap"] = options.Bootstrap,
            ["permutations"] = options.Permutations,
        };
        if (analysis.Signal is { } signal)
        {
            summary["signal"] = new JsonObject { ["statistic"] = signal.Statistic, ["p"] = signal.PValue, ["null"] = Null(input, options) };
            summary["types_with_q_below_0.05"] = Called(analysis.Types);
            summary["genes_with_q_below_0.05"] = Called(analysis.Genes);
        }
        if (analysis.Power.Count > 0)
        {
            summary["power"] = new JsonArray([.. analysis.Power.Select(p => (JsonNode)new JsonObject { ["effect"] = p.Effect, ["power"] = p.Power, ["standard_error"] = p.StandardError, ["true_concordance"] = p.Concordance })]);
        }
        summary["caution"] = analysis.Caution;
        return summary;
    }

    /// <summary>The null hypothesis of the tests, in a sentence.</summary>
    private static string Null(UncertaintyInput input, UncertaintyOptions options)
    {
        var survival = (input.Outcome as SurvivalOutcome)?.Data;
        string what = survival is null ? "outcomes" : $"follow-up (time{(survival.Entry.IsEmpty ? " and event" : ", event and entry")})", where = survival is null || survival.Strata.IsEmpty ? "" : "within strata, ";
        return options.Fit?.Covariates is { Length: > 0 }
            ? $"{where}shares are a linear function of the covariates and an error that is independent of {what}"
            : $"{where}{what} {(survival is null ? "are" : "is")} exchangeable among patients whatever their shares";
    }

    /// <summary>Expected share of wrong signs among the values at least as sure as each: the running mean of min(P(adverse), P(favourable)), surest first (Stephens 2017, Biostatistics 18, 275).</summary>
    /// <param name="values">The quantities.</param>
    public static double[] FalseSignRates(IReadOnlyList<QuantityUncertainty> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        double[] wrong = [.. values.Select(v => Math.Min(v.Posterior.ProbabilityPositive, 1 - v.Posterior.ProbabilityPositive))], rate = new double[wrong.Length];
        int[] order = [.. Enumerable.Range(0, wrong.Length).OrderBy(i => wrong[i])];
        double sum = 0;
        for (int k = 0; k < order.Length;)
        {
            int to = k;
            // Equals share what they all together have.
            while (to < order.Length && wrong[order[to]] == wrong[order[k]]) sum += wrong[order[to++]];
            for (; k < to; k++) rate[order[k]] = sum / to;
        }
        return rate;
    }

    /// <summary><c>cells.h5ad</c>: cells as the fit left them, with how sure their contributions and the genes' correlations are.</summary>
    /// <param name="cells">Cells of the fit.</param>
    /// <param name="analysis">The analysis.</param>
    /// <param name="groupOf">Group of each cell, -1 for none.</param>
    public static AnnotatedData Cells(AnnotatedData cells, UncertaintyAnalysis analysis, int[] groupOf)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(analysis);
        ArgumentNullException.ThrowIfNull(groupOf);
        DataFrame obs = Copy(cells.Obs), genes = Copy(cells.Var);
        Columns(obs, "contribution", analysis.Cells);
        obs.Set("contribution_fdr", FalseSignRates(analysis.Cells));
        if (analysis.Types.Count > 0 && analysis.Types[0].Test is not null)
        {
            obs.Set("type_p", groupOf.Select(g => g < 0 ? double.NaN : analysis.Types[g].Test!.P).ToArray());
            obs.Set("type_q", groupOf.Select(g => g < 0 ? double.NaN : analysis.Types[g].Test!.Q).ToArray());
        }
        Columns(genes, "correlation", analysis.Genes);
        var result = new AnnotatedData(obs, genes, cells.X);
        // Shares of every cell in every patient stay with the fit.
        foreach (var (name, value) in cells.Obsm)
            if (name is not ("map2bulk" or "map2spatial")) result.Obsm[name] = value;
        return result;
    }

    private static void Columns(DataFrame frame, string name, IReadOnlyList<QuantityUncertainty> values)
    {
        if (values.Count != frame.Length) return;
        frame.Set(name, values.Select(v => v.Posterior.Value).ToArray());
        frame.Set(name + "_sd", values.Select(v => v.Posterior.Sd).ToArray());
        frame.Set(name + "_lower", values.Select(v => v.Posterior.Lower).ToArray());
        frame.Set(name + "_upper", values.Select(v => v.Posterior.Upper).ToArray());
        frame.Set("probability_adverse", values.Select(v => v.Posterior.ProbabilityPositive).ToArray());
        if (values[0].Bootstrap is not null) frame.Set("bootstrap_sd", values.Select(v => v.Bootstrap!.Value.Sd).ToArray());
        if (values[0].Test is null) return;
        frame.Set("p", values.Select(v => v.Test!.P).ToArray());
        frame.Set("q", values.Select(v => v.Test!.Q).ToArray());
    }

    private static DataFrame Copy(DataFrame frame)
    {
        var copy = new DataFrame(frame.Index, frame.IndexName);
        foreach (string name in frame.ColumnNames) copy[name] = frame[name];
        return copy;
    }
}
