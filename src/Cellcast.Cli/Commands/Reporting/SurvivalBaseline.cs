using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.ScSurv;
using Cellcast.Survival;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Cumulative baseline hazards of a fit, one per stratum.</summary>
/// <param name="Times">Times.</param>
/// <param name="Hazards">Cumulative hazard at those times, for a linear predictor of 0, of each stratum.</param>
/// <param name="Strata">Stratum of each patient.</param>
internal sealed record SurvivalBaseline(double[] Times, double[][] Hazards, int[] Strata)
{
    /// <summary>Hazards as a fit has them.</summary>
    /// <param name="all">That of all patients, whose times are used.</param>
    /// <param name="own">That of each patient.</param>
    internal static SurvivalBaseline Of(BaselineHazard all, IReadOnlyList<BaselineHazard> own)
    {
        BaselineHazard[] distinct = [.. own.Distinct()];
        double[] times = [.. all.Times];
        return new SurvivalBaseline(times, [.. distinct.Select(s => times.Select(s.At).ToArray())], [.. own.Select(b => Array.IndexOf(distinct, b))]);
    }

    /// <summary>Hazards from predicted curves; null where there are none.</summary>
    /// <param name="path"><c>survival_curves.csv</c>.</param>
    /// <param name="patients"><c>patients.csv</c>.</param>
    /// <param name="design"><c>design.csv</c>, or null.</param>
    internal static SurvivalBaseline? Read(string path, DataFrame patients, DataFrame? design)
    {
        if (!File.Exists(path)) return null;
        TextTable curves = TextTable.Read(path);
        double[] eta = Columns.Numbers(patients, "linear_predictor"), times = Columns.Parse(curves.Require("time"));
        int[] stratum = design is not null && design.Contains(DesignFile.Stratum) ? CategoricalColumn.FromLabels(Columns.Texts(design, DesignFile.Stratum)).Codes : new int[patients.Length];
        var hazards = new double[stratum.Max() + 1][];
        for (int s = 0; s < hazards.Length; s++)
        {
            // S(t) = exp(-H(t) exp(eta)): one patient's curve and linear predictor give H. Best one that ends near one half: neither 0 nor 1 tells how large H is.
            int[] members = [.. Enumerable.Range(0, patients.Length).Where(i => stratum[i] == s && double.IsFinite(eta[i]) && curves.Contains(patients.Index[i]))];
            if (members.Length == 0 || times.Length == 0) return null;
            int best = members.MinBy(i => Math.Abs(Columns.Parse([curves.Require(patients.Index[i])[^1]])[0] - 0.5));
            hazards[s] = [.. Columns.Parse(curves.Require(patients.Index[best])).Select(v => -Math.Log(v) / Math.Exp(eta[best]))];
        }
        return new SurvivalBaseline(times, hazards, stratum);
    }

    /// <summary>For the page.</summary>
    /// <param name="eta">Linear predictor of each patient.</param>
    internal Cellcast.Reports.SurvivalPrediction Prediction(double[] eta) => new(Times, [.. Hazards.SelectMany(h => h)], eta, Hazards.Length > 1 ? Strata : null);

    /// <summary>Probability that a patient survives beyond a time.</summary>
    internal double Survival(int patient, double eta, double time)
    {
        int k = Array.FindLastIndex(Times, t => t <= time);
        return k < 0 ? 1 : Math.Exp(-Hazards[Strata[patient]][k] * Math.Exp(eta));
    }
}
