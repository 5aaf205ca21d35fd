using System.Diagnostics;
using Cellcast.Analysis.Baselines;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Benchmark;

/// <summary>What a method says about a cohort.</summary>
/// <param name="Contribution">Contribution of every cell, N.</param>
/// <param name="Shares">Share of every cell in every patient, N x S; null for a method that estimates none.</param>
/// <param name="LinearPredictor">Risk of every patient, S.</param>
/// <param name="Seconds">Wall time, shared stages included.</param>
internal sealed record MethodEstimate(float[] Contribution, float[]? Shares, double[] LinearPredictor, double Seconds)
{
    /// <summary>How sure the method is, when it says; types in the order of <see cref="TypeNames"/>.</summary>
    internal UncertaintyAnalysis? Uncertainty { get; init; }

    internal IReadOnlyList<string> TypeNames { get; init; } = [];
}

/// <summary>The methods that the accuracy benchmark compares.</summary>
public enum BenchmarkMethod
{
    /// <summary>scSurv as published: a hazard network, stopped by the concordance of validation patients.</summary>
    Published,

    /// <summary>scSurv by default: contributions smooth over labelled types, latent states and expression programs.</summary>
    Default,

    /// <summary>The same without labels: clusters of the latent states take the place of types.</summary>
    Unlabelled,

    /// <summary>Ridge Cox on the shares of labelled types from non-negative least squares.</summary>
    CoxNnls,

    /// <summary>Correlation of marker-gene expression with survival.</summary>
    MarkerCorrelation,

    /// <summary>The limit: ridge Cox on the true proportions and inner states, which no method knows.</summary>
    Oracle,
}

/// <summary>Names and code of the methods.</summary>
public static class BenchmarkMethods
{
    private const int BootstrapDraws = 100, Permutations = 199;

    /// <summary>All methods with the names that users know them by.</summary>
    public static IReadOnlyList<(BenchmarkMethod Method, string Name)> All { get; } =
    [
        (BenchmarkMethod.Published, "published"),
        (BenchmarkMethod.Default, "default"),
        (BenchmarkMethod.Unlabelled, "unlabelled"),
        (BenchmarkMethod.CoxNnls, "cox-nnls"),
        (BenchmarkMethod.MarkerCorrelation, "marker-correlation"),
        (BenchmarkMethod.Oracle, "oracle"),
    ];

    /// <summary>The name of a method.</summary>
    public static string Name(BenchmarkMethod method) => All.First(m => m.Method == method).Name;

    /// <summary>Runs a method.</summary>
    /// <exception cref="InputException">The cohort is too small for it.</exception>
    internal static MethodEstimate Run(BenchmarkMethod method, BenchmarkCase which, BenchmarkStudy study, BenchmarkTraining training, ScSurvOptions options, int threads) => method switch
    {
        BenchmarkMethod.Published => Published(which, study, training, options),
        BenchmarkMethod.Default => Smooth(which, study, training, options, labelled: true, threads),
        BenchmarkMethod.Unlabelled => Smooth(which, study, training, options, labelled: false, threads),
        BenchmarkMethod.CoxNnls => Timed(() => TypesOnNnls(study, threads)),
        BenchmarkMethod.MarkerCorrelation => Timed(() => Markers(study)),
        _ => Timed(() => Oracle(study)),
    };

    private static MethodEstimate Published(BenchmarkCase which, BenchmarkStudy study, BenchmarkTraining training, ScSurvOptions options)
    {
        ScSurvData data = study.Data(options);
        foreach (Split split in (Split[])[Split.Train, Split.Validation])
        {
            int events = data.PatientsIn(split).Count(i => data.Event[i]);
            if (events < Splits.MinimumEvents) throw new InputException($"{events} event{(events == 1 ? "" : "s")} among the {split.ToString().ToLowerInvariant()} patients; at least {Splits.MinimumEvents} are needed.");
        }
        Deconvolved cohort = training.Cohort(which, data, options);
        var (beta, seconds) = training.PublishedHazard(cohort, data, options);
        return new MethodEstimate(beta, cohort.Shares, LinearPredictor.OfCells(cohort.Shares, beta), cohort.CellSeconds + cohort.BulkSeconds + seconds);
    }

    private static MethodEstimate Smooth(BenchmarkCase which, BenchmarkStudy study, BenchmarkTraining training, ScSurvOptions options, bool labelled, int threads)
    {
        ScSurvData data = study.Data(options);
        Deconvolved cohort = training.Cohort(which, data, options);
        var clock = Stopwatch.StartNew();
        RandomKey key = RandomKey.From(options.Seed, "scsurv");
        CategoricalColumn labels = CategoricalColumn.FromLabels(study.Labels);
        var shares = new RowStore(data.Cells.Names.Count, data.Patients.Count, [.. cohort.Shares]);
        SurvivalData survival = study.Survival.Subset(study.Fitted);
        ContributionModel model = ContributionModel.Learn(cohort.Posterior.Mu, data.Cells, labelled ? labels : null, cohort.Module.BulkGenes, data.Patients, shares, study.Fitted,
            new PartialLikelihood(survival, options.Ties), null, key.Split("contributions"), threads);
        float[] contribution = [.. model.Cells().Mean.Select(m => (float)m)];
        double[] eta = model.Patients(shares, data.Patients, null, threads).Mean;
        double seconds = cohort.CellSeconds + cohort.BulkSeconds + clock.Elapsed.TotalSeconds;
        double[] open = model.SharesVariance(shares, data.Patients, null, threads);
        var input = new UncertaintyInput
        {
            Fit = model.Fit,
            CellFeatures = model.CellFeatures,
            PatientFeatures = model.PatientFeatures,
            PatientVariance = [.. study.Fitted.Select(i => open[i])],
            Outcome = Outcome.Of(survival),
            GroupOf = labels.Codes,
            Groups = labels.Categories,
            OtherFeatures = Rows(model.FeaturesOf(shares, data.Patients, null, threads), model.Basis.Features, study.Test),
            OtherVariance = [.. study.Test.Select(i => open[i])],
        };
        var uncertainty = UncertaintyAnalysis.Run(input, new UncertaintyOptions { Bootstrap = BootstrapDraws, Permutations = Permutations, PowerSimulations = 0, Ties = options.Ties }, key.Split("uncertainty"), threads, NoProgress.Instance, default);
        return new MethodEstimate(contribution, shares.ToArray(), eta, seconds) { Uncertainty = uncertainty, TypeNames = labels.Categories };
    }

    private static double[] Rows(double[] all, int width, int[] rows) => [.. rows.SelectMany(i => all[(i * width)..((i + 1) * width)])];

    private static MethodEstimate TypesOnNnls(BenchmarkStudy study, int threads)
    {
        var fit = TypeSurvivalBaseline.Train(study.Cells, study.Labels, study.Bulk.SelectRows(study.Fitted), study.Survival.Subset(study.Fitted), threads: threads);
        double[,] types = fit.Shares(study.Bulk, threads);
        int patients = study.Bulk.Rows;
        var position = fit.Types.Select((t, k) => (t, k)).ToDictionary(e => e.t, e => e.k, StringComparer.Ordinal);
        var cells = study.Labels.GroupBy(l => l!).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        var shares = new float[(long)study.Labels.Length * patients];
        for (int c = 0; c < study.Labels.Length; c++)
            for (int s = 0; s < patients; s++) shares[(long)c * patients + s] = (float)(types[s, position[study.Labels[c]!]] / cells[study.Labels[c]!]);
        return new MethodEstimate([.. fit.ContributionOf(study.Labels).Select(b => (float)b)], shares, fit.Fit.Predict(types), 0);
    }

    private static MethodEstimate Markers(BenchmarkStudy study)
    {
        var fit = MarkerSurvivalBaseline.Train(study.Cells, study.Labels, study.Bulk.SelectRows(study.Fitted), study.Survival.Subset(study.Fitted));
        var position = fit.Types.Select((t, k) => (t, k)).ToDictionary(e => e.t, e => e.k, StringComparer.Ordinal);
        return new MethodEstimate([.. study.Labels.Select(l => (float)fit.Contributions[position[l!]])], null, fit.Predict(study.Bulk), 0);
    }

    private static MethodEstimate Oracle(BenchmarkStudy study)
    {
        string[] types = (string[])((NdArray)study.Study.Bulk.Uns["types"]).Data;
        double[] shares = ((DenseMatrix)study.Study.Bulk.Obsm["true_proportions"]).ToDouble(), states = ((DenseMatrix)study.Study.Bulk.Obsm["true_state"]).ToDouble();
        bool[] hasGradient = ((BooleanColumn)study.Study.Cells.Obs["has_gradient"]).Values;
        double[] state = ((NumericColumn)study.Study.Cells.Obs["state"]).ToDouble();
        int k = types.Length;
        int[] typeOf = [.. study.Labels.Select(l => Array.IndexOf(types, l))];
        int[] gradients = [.. Enumerable.Range(0, k).Where(t => Enumerable.Range(0, typeOf.Length).Any(c => typeOf[c] == t && hasGradient[c]))];
        double[,] X(int[] rows)
        {
            var x = new double[rows.Length, k + gradients.Length];
            for (int i = 0; i < rows.Length; i++)
            {
                for (int t = 0; t < k; t++) x[i, t] = shares[rows[i] * k + t];
                for (int j = 0; j < gradients.Length; j++) x[i, k + j] = states[rows[i] * k + gradients[j]];
            }
            return x;
        }
        SurvivalData survival = study.Survival.Subset(study.Fitted);
        double[,] design = X(study.Fitted);
        var options = new CoxOptions { Names = [.. types, .. gradients.Select(t => $"state of {types[t]}")] };
        options = options with { Ridge = RidgeSelection.CrossValidate(survival, design, options: options).Ridge };
        CoxFit fit = CoxRegression.Fit(survival, design, options);
        var contribution = new float[typeOf.Length];
        for (int c = 0; c < typeOf.Length; c++)
        {
            int j = Array.IndexOf(gradients, typeOf[c]);
            contribution[c] = (float)(fit.Coefficients[typeOf[c]] + (j < 0 ? 0 : fit.Coefficients[k + j] * (state[c] - 0.5)));
        }
        return new MethodEstimate(contribution, null, fit.Predict(X([.. Enumerable.Range(0, study.Bulk.Rows)])), 0);
    }

    private static MethodEstimate Timed(Func<MethodEstimate> run)
    {
        var clock = Stopwatch.StartNew();
        return run() with { Seconds = clock.Elapsed.TotalSeconds };
    }
}
