using Cellcast.Analysis.Baselines;
using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>Predictions of one fold: what is kept so that an interrupted evaluation goes on after it.</summary>
/// <param name="Fold">Number of the fold, from 0.</param>
/// <param name="Patients">The patients held out, as rows of the cohort.</param>
/// <param name="Models">What each model says of them, in that order.</param>
/// <param name="TrainingMean">Mean outcome of the training patients, for a continuous outcome; NaN otherwise.</param>
public sealed record FoldPredictions(int Fold, int[] Patients, IReadOnlyList<FoldModel> Models, double TrainingMean);

/// <summary>What a model says of the patients held out in one fold.</summary>
/// <param name="Name">Name of the model.</param>
/// <param name="LinearPredictor">Linear predictors.</param>
/// <param name="Survival">Probability of surviving beyond each time of the evaluation, per patient; empty unless the outcome is survival.</param>
/// <param name="ExpectedEvents">Cumulative hazard over each patient's follow-up; empty unless the outcome is survival.</param>
public sealed record FoldModel(string Name, double[] LinearPredictor, double[][] Survival, double[] ExpectedEvents);

/// <summary>Keeps what an evaluation has done.</summary>
public interface IFoldStore
{
    /// <summary>A finished fold, or null.</summary>
    FoldPredictions? Load(int fold);

    /// <summary>Keeps a finished fold.</summary>
    void Save(FoldPredictions predictions);

    /// <summary>Where the training of a fold keeps its checkpoints, and the last one of an interrupted training or null.</summary>
    (ICheckpointStore Store, Snapshot? Resume) Training(int fold);
}

/// <summary>What an evaluation found.</summary>
/// <param name="Outcome">Outcome of all patients.</param>
/// <param name="Patients">Names of the patients.</param>
/// <param name="Fold">Fold in which each patient was held out.</param>
/// <param name="Models">Predictions of each model for all patients.</param>
/// <param name="Times">Times at which survival was predicted; null unless the outcome is survival.</param>
/// <param name="TrainingMean">Mean outcome of the training patients of each patient's fold, for a continuous outcome; empty otherwise.</param>
public sealed record EvaluatedCohort(Outcome Outcome, IReadOnlyList<string> Patients, int[] Fold, IReadOnlyList<HeldOutPredictions> Models, EvaluationTimes? Times, double[] TrainingMean);

/// <summary>
/// Cross-validation of scSurv on a cohort, beside models that anyone could fit: covariates alone, cell type shares by non-negative least squares with a ridge, and both. Everything that looks at
/// bulk counts or outcomes (choice of genes, deconvolution, contributions, penalties, baseline hazards, medians and levels of covariates) is learned anew in each fold without the patients held out, whose
/// shares come from projection. The reference cells are the same in all folds: they are of other patients.
/// </summary>
public static class CohortEvaluation
{
    /// <summary>Names of the models.</summary>
    public const string ScSurv = "scsurv", Covariates = "covariates", CellTypes = "cell types", Everyone = "everyone alike", With = " + covariates";

    private const double PublishedValidation = 0.2;

    /// <summary>Runs all folds that are not finished.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="inputs">Files, columns and design.</param>
    /// <param name="options">Settings of scSurv; the protocol is always held-out.</param>
    /// <param name="folds">Number of folds.</param>
    /// <param name="store">Keeps finished folds.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellation">Interrupts between steps.</param>
    /// <param name="threads">Threads of what does not run on the device, 0 for all cores; nothing depends on them.</param>
    /// <exception cref="InputException">Files or columns cannot be used, or there are too few events for the folds.</exception>
    public static EvaluatedCohort Run(Device device, ScSurvInputs inputs, ScSurvOptions options, int folds, IFoldStore store, ITrainingProgress progress, CancellationToken cancellation, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(progress);
        Outcome outcome = inputs.Design.Read(inputs.Bulk, inputs.TimeColumn, inputs.EventColumn);
        int n = outcome.Count;
        RandomKey key = RandomKey.From(options.Seed, "scsurv evaluation");
        int[] fold = CohortFolds.Deal(outcome, folds, key.Split("folds"));
        EvaluationTimes? times = outcome is SurvivalOutcome s ? EvaluationTimes.Of(s.Data) : null;
        var done = new List<FoldPredictions>();
        for (int f = 0; f < folds; f++)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] held = [.. Enumerable.Range(0, n).Where(i => fold[i] == f)];
            if (store.Load(f) is not { } finished)
            {
                progress.Message($"fold {f + 1} of {folds}: {held.Length} of {n} patients held out");
                finished = Fold(device, inputs, options, outcome, fold, f, times, store, key, progress, threads, cancellation);
                store.Save(finished);
            }
            else if (!finished.Patients.AsSpan().SequenceEqual(held)) throw new InputException("the finished folds in this folder belong to another cohort or seed; start again with --overwrite.");
            done.Add(finished);
        }
        return Gather(outcome, inputs.Bulk.Obs.Index, fold, done, times);
    }

    private static EvaluatedCohort Gather(Outcome outcome, IReadOnlyList<string> names, int[] fold, List<FoldPredictions> done, EvaluationTimes? times)
    {
        int n = outcome.Count, columns = times?.All.Length ?? 0;
        var models = new List<HeldOutPredictions>();
        for (int m = 0; m < done[0].Models.Count; m++)
        {
            double[] eta = new double[n], expected = new double[n], survival = [];
            var curves = new double[n, columns];
            foreach (FoldPredictions f in done)
                for (int k = 0; k < f.Patients.Length; k++)
                {
                    int i = f.Patients[k];
                    eta[i] = f.Models[m].LinearPredictor[k];
                    if (times is null) continue;
                    expected[i] = f.Models[m].ExpectedEvents[k];
                    for (int t = 0; t < columns; t++) curves[i, t] = f.Models[m].Survival[k][t];
                }
            models.Add(new HeldOutPredictions(done[0].Models[m].Name, eta, times is null ? null : curves, times is null ? null : expected));
        }
        double[] means = outcome.Kind == OutcomeKind.Continuous ? [.. fold.Select(f => done[f].TrainingMean)] : [];
        return new EvaluatedCohort(outcome, names, fold, models, times, means);
    }

    private static FoldPredictions Fold(Device device, ScSurvInputs inputs, ScSurvOptions options, Outcome outcome, int[] fold, int number, EvaluationTimes? times, IFoldStore store, RandomKey key,
        ITrainingProgress progress, int threads, CancellationToken cancellation)
    {
        int[] held = [.. Enumerable.Range(0, fold.Length).Where(i => fold[i] == number)];
        ScSurvOptions heldOut = options with { Protocol = Protocol.HeldOut };
        ScSurvData data = ScSurvPreparation.Prepare(inputs with { Splits = Parts(outcome, fold, number, options.Method, key.Split("validation").Split(number)), SplitColumn = null }, heldOut, progress, null, cancellation);
        int[] learn = data.Learned(options.Method);
        Outcome training = outcome.Subset(learn);
        var models = new List<FoldModel>();

        var (checkpoints, resume) = store.Training(number);
        ScSurvFit fit = ScSurvModel.Fit(device, data, heldOut, checkpoints, resume, progress, cancellation);
        ScSurvResults results = ScSurvResults.Collect(device, fit, data, progress, null, threads, refit: false, cancellation);
        using RowStore shareStore = results.PatientShares;
        if (fit.Model.Contributions is { } smooth)
        {
            double[] features = smooth.FeaturesOf(shareStore, data.Patients, null, threads);
            Add(ScSurv, OutcomeContributions.Fit(training, smooth.PatientFeatures, smooth.Basis.Components, null, options.Ties).LinearPredictors(features, null));
            if (data.Covariates is { } c)
                Add(ScSurv + With, OutcomeContributions.Fit(training, smooth.PatientFeatures, smooth.Basis.Components, c.Of(learn), options.Ties).LinearPredictors(features, c.Values));
        }
        else Add(ScSurv, results.LinearPredictor);

        double[] covariates = data.Covariates?.Values ?? [];
        int count = data.Covariates?.Count ?? 0;
        if (count > 0) Add(Covariates, Trained(covariates, count, 0));
        if (data.Labels is not null)
        {
            var (shares, types) = TypeShares(data, learn, threads);
            Add(CellTypes, Trained(shares, 0, types));
            if (count > 0) Add(CellTypes + With, Trained(Beside(covariates, count, shares, types), count, types));
        }
        Add(Everyone, Trained([], 0, 0));
        double mean = training is ContinuousOutcome y ? y.Weights is { } w ? y.Values.Zip(w, (v, k) => v * k).Sum() / w.Sum() : y.Values.Average() : double.NaN;
        return new FoldPredictions(number, held, models, mean);

        double[] Trained(double[] x, int free, int penalised)
        {
            int p = free + penalised, patients = fold.Length;
            double[] rows = [.. learn.SelectMany(i => x[(i * p)..((i + 1) * p)])];
            string[] names = [.. free == 0 ? [] : data.Covariates!.Names, .. Enumerable.Range(1, penalised).Select(t => $"share of cell type {t}")];
            ClinicalModel model = penalised == 0 ? ClinicalModel.Train(training, rows, [.. Enumerable.Repeat(ClinicalModel.LightPenalty, free)], names, options.Ties)
                : ClinicalModel.TrainWithRidge(training, rows, free, penalised, names, options.Ties).Model;
            return p == 0 ? [.. Enumerable.Repeat(model.Fit.Coefficients.FirstOrDefault(), patients)] : model.Predict(x);
        }

        void Add(string name, double[] eta)
        {
            if (times is null || training is not SurvivalOutcome s)
            {
                models.Add(new FoldModel(name, [.. held.Select(i => eta[i])], [], []));
                return;
            }
            SurvivalData all = ((SurvivalOutcome)outcome).Data;
            var baseline = StratifiedBaseline.Estimate(s.Data, [.. learn.Select(i => eta[i])]);
            BaselineHazard Of(int i) => baseline.Of(all.Strata.IsEmpty ? 0 : all.Strata[i]);
            models.Add(new FoldModel(name, [.. held.Select(i => eta[i])], [.. held.Select(i => times.All.Select(t => Of(i).Survival(t, eta[i])).ToArray())],
                [.. held.Select(i => (Of(i).At(all.Time[i]) - (all.Entry.IsEmpty ? 0 : Of(i).At(all.Entry[i]))) * Math.Exp(eta[i]))]));
        }
    }

    // The smooth method needs no validation patients; the published one stops by their concordance.
    private static Split[] Parts(Outcome outcome, int[] fold, int held, HazardMethod method, RandomKey key)
    {
        var parts = new Split[fold.Length];
        int[] others = [.. Enumerable.Range(0, fold.Length).Where(i => fold[i] != held)];
        for (int i = 0; i < parts.Length; i++) parts[i] = fold[i] == held ? Split.Test : Split.Train;
        if (method != HazardMethod.Published) return parts;
        int[] inner = CohortFolds.Deal(outcome.Subset(others), (int)Math.Round(1 / PublishedValidation), key);
        for (int k = 0; k < others.Length; k++)
            if (inner[k] == 0) parts[others[k]] = Split.Validation;
        return parts;
    }

    /// <summary>Shares by non-negative least squares on the selected genes, centred and scaled by the training patients.</summary>
    private static (double[] Values, int Types) TypeShares(ScSurvData data, int[] learn, int threads)
    {
        var deconvolution = TypeDeconvolution.FromLabels(data.Cells.Counts.ToSparse(), data.Labels!.ToText());
        double[,] shares = deconvolution.Shares(SparseMatrix.FromDense(data.Patients.Count, data.Genes.Count, data.Patients.Counts), threads);
        int n = shares.GetLength(0), types = shares.GetLength(1);
        var x = new double[n * types];
        for (int t = 0; t < types; t++)
        {
            double mean = learn.Average(i => shares[i, t]), sd = Math.Sqrt(learn.Average(i => (shares[i, t] - mean) * (shares[i, t] - mean)));
            for (int i = 0; i < n; i++) x[i * types + t] = sd > 1e-9 ? (shares[i, t] - mean) / sd : 0;
        }
        return (x, types);
    }

    private static double[] Beside(double[] a, int p, double[] b, int q)
    {
        int n = a.Length / p;
        var both = new double[n * (p + q)];
        for (int i = 0; i < n; i++)
        {
            a.AsSpan(i * p, p).CopyTo(both.AsSpan(i * (p + q)));
            b.AsSpan(i * q, q).CopyTo(both.AsSpan(i * (p + q) + p));
        }
        return both;
    }
}
