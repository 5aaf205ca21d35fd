using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>What scSurv found, as plain arrays with names (N cells, S patients, P spots, G genes, z latent dimensions).</summary>
public sealed class ScSurvResults
{
    /// <summary>Names of the cells.</summary>
    public required IReadOnlyList<string> Cells { get; init; }

    /// <summary>Names of the genes.</summary>
    public required IReadOnlyList<string> Genes { get; init; }

    /// <summary>Names of the patients.</summary>
    public required IReadOnlyList<string> Patients { get; init; }

    /// <summary>Names of the spots; empty without spatial counts.</summary>
    public required IReadOnlyList<string> Spots { get; init; }

    /// <summary>Contributions with intervals, relative to the average cell of the average patient; null with the published method.</summary>
    public ContributionValues? ContributionInterval { get; init; }

    /// <summary><see cref="SharesPredictor"/> with intervals; null with the published method.</summary>
    public ContributionValues? LinearPredictorInterval { get; init; }

    /// <summary>Contribution of each cell, minus its minimum over cells, N.</summary>
    public required float[] Contribution { get; init; }

    /// <summary>Contribution of each cell, mean over posterior draws, N.</summary>
    public required float[] RawContribution { get; init; }

    /// <summary>Contribution of each cell at its posterior mean, N.</summary>
    public required float[] RawContributionAtMean { get; init; }

    /// <summary>Posterior mean of the latent state, N x z.</summary>
    public required float[] Latent { get; init; }

    /// <summary>Share of each cell in each patient, N x S; every column sums to one.</summary>
    public required RowStore PatientShares { get; init; }

    /// <summary>Share of each cell in each spot, N x P; null without spatial counts.</summary>
    public required RowStore? SpotShares { get; init; }

    /// <summary>eta of each patient: shares times raw contribution, and what covariates, intercept and expression that no cell explains bring, if any.</summary>
    public required double[] LinearPredictor { get; init; }

    /// <summary>The part of <see cref="LinearPredictor"/> that the counts bring, beyond the covariates: shares, and what no cell of the reference explains
    /// (<see cref="ContributionModel.Unexplained"/>).</summary>
    public required double[] SharesPredictor { get; init; }

    /// <summary>The outcome of each patient.</summary>
    public required Outcome Outcome { get; init; }

    /// <summary>The part of <see cref="SharesPredictor"/> that is no cell's, S; empty where no cell of the reference leaves anything unexplained.</summary>
    public double[] UnexplainedPredictor { get; init; } = [];

    /// <summary>Baseline hazard of each patient: that of its stratum, if there are any; empty unless the outcome is survival.</summary>
    public required BaselineHazard[] Baselines { get; init; }

    /// <summary>Covariates, kind of outcome and strata; null for survival by shares alone.</summary>
    public ClinicalPart? Clinical { get; init; }

    /// <summary>exp(eta minus the mean eta of the training patients).</summary>
    public required double[] Risk { get; init; }

    /// <summary>True where the risk is above the median of the training patients.</summary>
    public required bool[] HighRisk { get; init; }

    /// <summary>Survival or censoring time of each patient.</summary>
    public required double[] Time { get; init; }

    /// <summary>Event of each patient.</summary>
    public required bool[] Event { get; init; }

    /// <summary>Part of the cohort of each patient.</summary>
    public required Split[] Splits { get; init; }

    /// <summary>How linear predictors become risks and survival curves.</summary>
    public required RiskScale RiskScale { get; init; }

    /// <summary>Harrell's concordance of each part of the cohort; null where a part has no comparable pair.</summary>
    public required IReadOnlyDictionary<Split, Concordance?> Concordance { get; init; }

    /// <summary>exp(sum_c p[q,c] beta_c) of each spot over its mean over spots; empty without spatial counts.</summary>
    public required double[] SpotHazard { get; init; }

    /// <summary>Logarithm of <see cref="SpotHazard"/> with intervals: what patients leave open of the difference to the average spot, and what the spot's own counts do. Null without spatial counts,
    /// and with the published method.</summary>
    public ContributionValues? SpotLogHazard { get; init; }

    /// <summary>How well expected counts follow observed ones: median over test cells, fitted patients, spots of the Pearson correlation over genes
    /// of log1p of both, per unit of size; NaN where there is nothing to compare.</summary>
    public required (double Expression, double Bulk, double Spatial) Fit { get; init; }

    /// <summary>Patients whose outcome the contributions (of cells, types and genes) and the model for new patients were learned from: rows of the cohort, ascending. Where test patients are
    /// among them, predictors, risks and concordances of this cohort come from a fit without.</summary>
    public required int[] ContributionPatients { get; init; }

    /// <summary>Collects the results of a finished training.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="fit">The training.</param>
    /// <param name="data">Its data.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="space">Memory that the shares may take, and where they lie beyond it.</param>
    /// <param name="threads">Threads of what does not run on the device, 0 for all cores; nothing depends on them.</param>
    /// <param name="refit">When the test patients have been predicted without their outcome, learn contributions, intervals and the model for new patients again from all patients; what is said of
    /// patients of this cohort stays as it was. Without effect on the published method. Not for cross-validation: the model that is left has seen everybody.</param>
    /// <param name="cancellation">Checked between blocks of cells.</param>
    public static ScSurvResults Collect(Device device, ScSurvFit fit, ScSurvData data, ITrainingProgress progress, ScratchSpace? space = null, int threads = 0, bool refit = false, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(fit);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(progress);
        ScSurvModel model = fit.Model;
        Posterior posterior = model.Posterior;
        RandomKey key = RandomKey.From(model.Options.Seed, "scsurv").Split("posterior");
        int draws = model.Options.PosteriorDraws, n = posterior.Cells, patients = data.Patients.Count;
        progress.Message($"averaging {(model.Options.Method == HazardMethod.Published ? "contributions and " : "")}shares over {draws} draws of the latent states");
        var shares = new RowStore(n, patients, space);
        posterior.FillMeanShares(fit.Projected is null ? [(model.Module.Bulk, fit.Fitted)] : [(model.Module.Bulk, fit.Fitted), (fit.Projected, fit.Held)], draws, key, shares, cancellation);
        RowStore? spotShares = null;
        if (model.Module.Spatial is { } spatial)
        {
            spotShares = new RowStore(n, spatial.Outputs, space);
            posterior.FillMeanShares([(spatial, [.. Enumerable.Range(0, spatial.Outputs)])], draws, key, spotShares, cancellation);
        }
        int[] train = data.Learned(model.Options.Method), everybody = [.. Enumerable.Range(0, patients)];
        var (smooth, sharesVariance) = model.Options.Method == HazardMethod.Smooth ? LearnContributions(model, data, shares, progress, threads, cancellation) : (null, []);
        ProgramShares? mixedSpots = spotShares is null ? null : smooth?.RefineSpots(data.Cells, model.Module.SpatialGenes!, data.Spots!, spotShares, threads);
        double[] features = smooth?.FeaturesOf(shares, data.Patients, null, threads) ?? [];
        ContributionValues? predictors = smooth?.Fit.Of(features).Widened(sharesVariance);
        // Patients of this cohort by what was learned without the held-out ones; then, perhaps, everything that is kept by all of them.
        ContributionModel? kept = smooth;
        if (refit && smooth is not null && train.Length < patients)
        {
            progress.Message($"learning contributions again from all {patients} patients");
            kept = Relearned(model, smooth, data, everybody, shares, features, threads);
        }
        bool all = !ReferenceEquals(kept, smooth);
        model.Contributions = kept;
        ContributionValues? contributions = kept?.Cells();
        float[] raw = contributions is null ? posterior.MeanContribution(model.Module.Hazard, draws, key) : [.. contributions.Mean.Select(m => (float)m)];
        float least = raw.Min();
        float[] contribution = [.. raw.Select(b => b - least)];

        double[] sharesEta = predictors?.Mean ?? ScSurv.LinearPredictor.OfCells(shares, raw);
        var (eta, baselines, clinical) = AddClinical(smooth, data, train, sharesEta);
        RiskScale risk = Scale(eta, baselines, train);
        (model.Risk, model.Clinical) = (risk, clinical);
        if (all)
        {
            var (keptEta, keptBaselines, keptClinical) = AddClinical(kept, data, everybody, kept!.Fit.Of(features).Mean);
            (model.Risk, model.Clinical) = (Scale(keptEta, keptBaselines, everybody), keptClinical);
        }
        int[] behind = all ? everybody : train;
        model.LearnedFrom = [.. behind.Select(i => data.Patients.Names[i])];
        BaselineHazard[] own = data.Outcome is not SurvivalOutcome s ? [] : [.. Enumerable.Range(0, patients).Select(i => baselines!.Of(s.Data.Strata.IsEmpty ? 0 : s.Data.Strata[i]))];

        double[] spotEta = spotShares is null ? [] : ScSurv.LinearPredictor.OfCells(spotShares, contribution);
        double top = spotEta.Length == 0 ? 0 : spotEta.Max();
        double[] hazard = [.. spotEta.Select(e => Math.Exp(e - top))];
        double meanHazard = hazard.Length == 0 ? 1 : hazard.Average();
        ContributionValues? spotInterval = mixedSpots is null ? null : kept!.Spots(spotShares!, data.Spots!, mixedSpots, threads) with { Mean = [.. hazard.Select(h => Math.Log(h / meanHazard))] };

        return new ScSurvResults
        {
            Cells = data.Cells.Names,
            Genes = data.Genes,
            Patients = data.Patients.Names,
            Spots = data.Spots?.Names ?? [],
            Contribution = contribution,
            RawContribution = raw,
            RawContributionAtMean = smooth is null ? posterior.ContributionAtMean(model.Module.Hazard) : raw,
            ContributionInterval = contributions,
            LinearPredictorInterval = predictors,
            Latent = posterior.Mu,
            PatientShares = shares,
            SpotShares = spotShares,
            LinearPredictor = eta,
            SharesPredictor = sharesEta,
            UnexplainedPredictor = smooth?.UnexplainedPart(features) ?? [],
            Outcome = data.Outcome,
            Baselines = own,
            Clinical = model.Clinical,
            Risk = [.. eta.Select(e => Math.Exp(e - risk.Center))],
            HighRisk = [.. eta.Select(e => e > risk.Median)],
            Time = data.Time,
            Event = data.Event,
            Splits = data.Splits,
            RiskScale = risk,
            ContributionPatients = behind,
            Concordance = Enum.GetValues<Split>().ToDictionary(s => s, s => ConcordanceOf(data, eta, s)),
            SpotHazard = [.. hazard.Select(h => h / meanHazard)],
            SpotLogHazard = spotInterval,
            Fit = Reconstruction.Correlations(device, fit, data, shares, spotShares, cancellation),
        };
    }

    private static (ContributionModel Model, double[] SharesVariance) LearnContributions(ScSurvModel model, ScSurvData data, RowStore shares, ITrainingProgress progress, int threads, CancellationToken cancellation)
    {
        int[] learn = data.Learned(HazardMethod.Smooth);
        progress.Message($"learning contributions from {learn.Length} patients");
        Outcome outcome = data.Outcome.Subset(learn);
        double[]? covariates = data.Covariates?.Of(learn);
        var smooth = ContributionModel.Learn(model.Posterior.Mu, data.Cells, data.Labels, model.Module.BulkGenes, data.Patients, shares, learn, outcome.CreateLikelihood(model.Options.Ties),
            new ContributionOptions { Covariates = covariates, CovariateNames = data.Covariates?.Names }, RandomKey.From(model.Options.Seed, "scsurv").Split("contributions"), threads, cancellation);
        if (outcome.Kind == OutcomeKind.Continuous)
            smooth = smooth.With(OutcomeContributions.Fit(outcome, smooth.PatientFeatures, smooth.Basis.Components, covariates, model.Options.Ties).Contributions);
        progress.Message($"{smooth.Programs.Count} expression programs differ between patients; the contributions have {smooth.Fit.EffectiveDegreesOfFreedom:0.0} effective parameters");
        UnexplainedExpression unexplained = smooth.Unexplained;
        if (unexplained.Describe(data.Genes) is { } sentence)
        {
            if (unexplained.Share >= UnexplainedExpression.Notable) progress.Warning(sentence);
            else progress.Message(sentence);
        }
        double[] variance = smooth.SharesVariance(shares, data.Patients, null, threads);
        return (smooth.WithPatientVariance([.. learn.Select(s => variance[s])]), variance);
    }

    /// <summary>The same programs and shares, with contributions from other patients.</summary>
    private static ContributionModel Relearned(ScSurvModel model, ContributionModel smooth, ScSurvData data, int[] learn, RowStore shares, double[] features, int threads)
    {
        Outcome outcome = data.Outcome.Subset(learn);
        double[]? covariates = data.Covariates?.Of(learn);
        var again = smooth.With(OutcomeContributions.Fit(outcome, features, smooth.Basis.Components, covariates, model.Options.Ties).Contributions, features);
        return again.WithPatientVariance(again.SharesVariance(shares, data.Patients, null, threads));
    }

    /// <summary>What covariates and intercept add to the shares, and the baseline hazards that go with the sum.</summary>
    private static (double[] Eta, StratifiedBaseline? Baselines, ClinicalPart? Clinical) AddClinical(ContributionModel? smooth, ScSurvData data, int[] train, double[] sharesEta)
    {
        double? variance = null;
        double[] eta = sharesEta;
        if (smooth is not null)
        {
            var free = OutcomeContributions.Of(smooth.Fit, data.Outcome.Kind, data.Covariates?.Count ?? 0);
            eta = [.. sharesEta.Zip(free.FreePart(sharesEta.Length, data.Covariates?.Values), (a, b) => a + b)];
        }
        if (data.Outcome is ContinuousOutcome y)
        {
            double Of(int i) => y.Weights?[i] ?? 1;
            variance = train.Sum(i => Of(i) * (y.Values[i] - eta[i]) * (y.Values[i] - eta[i])) / train.Sum(Of);
        }
        StratifiedBaseline? baselines = data.Outcome is SurvivalOutcome s ? StratifiedBaseline.Estimate(s.Data.Subset(train), [.. train.Select(i => eta[i])]) : null;
        return (eta, baselines, smooth is null ? null : ClinicalPart.From(data, smooth.Fit, variance, baselines));
    }

    private static RiskScale Scale(double[] eta, StratifiedBaseline? baselines, int[] train)
    {
        double[] trainEta = [.. train.Select(i => eta[i])];
        return new RiskScale(baselines?.All ?? BaselineHazard.Restore([], []), trainEta.Average(), Median(trainEta));
    }

    private static Concordance? ConcordanceOf(ScSurvData data, double[] eta, Split split)
    {
        int[] members = data.PatientsIn(split);
        if (members.Length == 0 || data.Outcome is not SurvivalOutcome s) return null;
        try { return Survival.Concordance.Compute(s.Data.Subset(members), [.. members.Select(i => eta[i])]); }
        catch (SurvivalDataException)
        {
            return null; // no pair of a small part can be compared, as with strata or late entry
        }
    }

    internal static void Scatter(float[] from, int[] columns, float[] to, int rows, int width)
    {
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < columns.Length; j++) to[(long)r * width + columns[j]] = from[(long)r * columns.Length + j];
    }

    internal static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>How well the trained model explains the counts it saw.</summary>
internal static class Reconstruction
{
    internal static (double Expression, double Bulk, double Spatial) Correlations(Device device, ScSurvFit fit, ScSurvData data, RowStore shares, RowStore? spotShares, CancellationToken cancellation)
    {
        ScSurvModule module = fit.Model.Module;
        int genes = data.Genes.Count, patients = data.Patients.Count, spots = data.Spots?.Count ?? 0;
        var test = fit.TestCells.Length > 0 ? fit.TestCells.ToHashSet() : [.. Enumerable.Range(0, fit.Model.Posterior.Cells)];
        var expression = new List<double>();
        var observed = new float[genes];
        var tape = new Tape(device, recordGradients: false);
        float[] bulkMix = new float[patients * genes], spotMix = new float[spots * genes];
        var rows = new RowBlock();
        foreach (var (from, count, rates) in fit.Model.Posterior.RatesAtMean(module))
        {
            cancellation.ThrowIfCancellationRequested();
            Tensor r = tape.Input(rates.Span, count, genes);
            Mix(tape, shares, from, count, r, bulkMix);
            if (spotShares is not null) Mix(tape, spotShares, from, count, r, spotMix);
            tape.Reset();
            int[] chosen = [.. Enumerable.Range(0, count).Where(c => test.Contains(from + c) && data.Cells.Size[from + c] > 0)];
            data.Cells.Counts.ReadRows([.. chosen.Select(c => from + c)], rows);
            for (int i = 0; i < chosen.Length; i++)
            {
                int c = chosen[i];
                Array.Clear(observed);
                float size = data.Cells.Size[from + c];
                ReadOnlySpan<int> index = rows.RowIndices(i);
                ReadOnlySpan<float> value = rows.RowValues(i);
                for (int k = 0; k < index.Length; k++) observed[index[k]] = value[k] / size;
                expression.Add(LogCorrelation(observed, rates.Span.Slice(c * genes, genes)));
            }
        }
        double bulk = Median(bulkMix, module.BulkGenes, data.Patients, genes, fit.Fitted);
        double spatial = spots == 0 ? double.NaN : Median(spotMix, module.SpatialGenes!, data.Spots!, genes, [.. Enumerable.Range(0, spots)]);
        return (ScSurvResults.Median([.. expression.Where(double.IsFinite)]), bulk, spatial);
    }

    private static void Mix(Tape tape, RowStore shares, int from, int count, Tensor rates, float[] sum)
    {
        Tensor p = tape.NewTensor(count, shares.Columns);
        shares.Read(from, p.Span);
        ReadOnlySpan<float> part = Op.MatMul(p, rates, transposeA: true).Span;
        for (int i = 0; i < sum.Length; i++) sum[i] += part[i];
    }

    private static double Median(float[] mix, GeneParameters parameters, Mixtures mixtures, int genes, int[] rows)
    {
        float[] a = [.. parameters.Scale.ToArray().Select(Softplus)], b = [.. parameters.Offset.ToArray().Select(Softplus)];
        float[] expected = new float[genes], observed = new float[genes];
        var r = new List<double>();
        foreach (int s in rows)
        {
            for (int g = 0; g < genes; g++)
            {
                expected[g] = mix[s * genes + g] * a[g] + b[g];
                observed[g] = mixtures.Counts[s * genes + g] / mixtures.Size[s];
            }
            r.Add(LogCorrelation(observed, expected));
        }
        return ScSurvResults.Median([.. r.Where(double.IsFinite)]);
    }

    private static float Softplus(float x) => x > 20 ? x : (float)Math.Log(1 + Math.Exp(x));

    private static double LogCorrelation(ReadOnlySpan<float> observed, ReadOnlySpan<float> expected)
    {
        var x = new double[observed.Length];
        var y = new double[observed.Length];
        for (int i = 0; i < x.Length; i++) (x[i], y[i]) = (Math.Log(1 + observed[i]), Math.Log(1 + expected[i]));
        return Correlation.Pearson(x, y).Coefficient;
    }
}
