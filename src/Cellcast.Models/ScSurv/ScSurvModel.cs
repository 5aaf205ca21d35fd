using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// scSurv trained on a reference and a cohort: the networks, the posterior of the reference cells, and what is needed to recognise new data.
/// </summary>
public sealed class ScSurvModel
{
    /// <summary>File of a model's folder that says what it is.</summary>
    public const string DescriptionFile = ScSurvFiles.Description;

    internal ScSurvModel(ScSurvModule module, ScSurvOptions options, IReadOnlyList<string> genes, IReadOnlyList<string> samples, IReadOnlyList<string> patients, Posterior posterior, float[] bulkProfile)
    {
        (Module, Options, Genes, Samples, Patients, Posterior, BulkProfile) = (module, options, genes, samples, patients, posterior, bulkProfile);
    }

    /// <summary>The networks.</summary>
    public ScSurvModule Module { get; }

    /// <summary>The settings of the training.</summary>
    public ScSurvOptions Options { get; }

    /// <summary>Names of the genes, in the order of the weights.</summary>
    public IReadOnlyList<string> Genes { get; }

    /// <summary>Names of the samples of the reference; empty when none were given.</summary>
    public IReadOnlyList<string> Samples { get; }

    /// <summary>Patients that own a column of the bulk decoder, in that order.</summary>
    public IReadOnlyList<string> Patients { get; }

    /// <summary>Posterior of the reference cells.</summary>
    public Posterior Posterior { get; }

    /// <summary>Mean over the fitted patients of count / size factor of each gene; its mean over genes is 1. Serves to estimate size factors of
    /// new patients that lack some genes.</summary>
    public float[] BulkProfile { get; }

    /// <summary>How linear predictors become risks and survival curves; null until <see cref="ScSurvResults.Collect"/> has seen the training patients.</summary>
    public RiskScale? Risk { get; internal set; }

    /// <summary>The hazard of the smooth method; null with the published one, and until <see cref="ScSurvResults.Collect"/> has learned it.</summary>
    public ContributionModel? Contributions { get; internal set; }

    /// <summary>Covariates, kind of outcome and strata; null for survival by shares alone.</summary>
    public ClinicalPart? Clinical { get; internal set; }

    /// <summary>Names of the patients whose outcome the model has seen; empty for models that were written before this was kept.</summary>
    public IReadOnlyList<string> LearnedFrom { get; internal set; } = [];

    /// <summary>Trains all stages.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="data">What to learn from.</param>
    /// <param name="options">Settings.</param>
    /// <param name="store">Where checkpoints go.</param>
    /// <param name="resume">The last checkpoint of an interrupted run with the same data and settings, or null.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellation">Interrupts between steps; a checkpoint is kept.</param>
    /// <exception cref="InputException">The data cannot be learned from, or the checkpoint belongs to another run.</exception>
    /// <exception cref="NotFiniteException">Training diverged.</exception>
    public static ScSurvFit Fit(Device device, ScSurvData data, ScSurvOptions options, ICheckpointStore store, Snapshot? resume, ITrainingProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(progress);
        RandomKey key = RandomKey.From(options.Seed, "scsurv");
        int[] fitted = options.Protocol == Protocol.HeldOut ? data.PatientsIn(Split.Train, Split.Validation) : [.. Enumerable.Range(0, data.Patients.Count)];
        Mixtures patients = data.Patients.Select(fitted);
        var module = new ScSurvModule(new ScSurvSizes(data.Genes.Count, data.Cells.SampleColumns, fitted.Length, data.Spots?.Count ?? 0, options.Latent, options.Hidden, options.Blocks), key.Split("weights"));
        string fingerprint = Fingerprint(data, options);
        if (resume is not null) Restore(module, resume, fingerprint);

        var history = new List<HistoryRow>(resume?.History ?? []);
        var finished = new List<StageSummary>(resume?.Finished ?? []);
        var stages = new ScSurvStages(module, data, options, device, key);
        Posterior? posterior = null;
        Posterior Encoded() => posterior ??= Posterior.Encode(device, module, data.Cells);
        int[] ColumnsOf(Split split) => [.. Enumerable.Range(0, fitted.Length).Where(i => data.Splits[fitted[i]] == split)];
        var plans = new List<Func<StagePlan>>
        {
            stages.Cells,
            () => stages.Mixture("bulk", module.Bulk, module.BulkGenes, module.BulkParameters, patients, Encoded(), options.Bulk),
        };
        if (data.Spots is not null)
            plans.Add(() => stages.Mixture("spots", module.Spatial!, module.SpatialGenes!, module.SpatialParameters, data.Spots, Encoded(), options.Spots));
        if (options.Method == HazardMethod.Published) plans.Add(() => stages.Hazard(Encoded(), ColumnsOf(Split.Train), ColumnsOf(Split.Validation)));

        void Capture(Snapshot s)
        {
            foreach (var (name, values) in module.ExportState()) s.Tensors["weights/" + name] = values;
            s.Finished = [.. finished];
            s.Fingerprint = fingerprint;
        }
        var trainer = new StageTrainer(device, store, progress, history, plans.Count);
        for (int number = Math.Max(1, resume?.Stage ?? 1); number <= plans.Count; number++)
        {
            bool inside = resume?.Stage == number && resume.Stopping is not null;
            finished.Add(trainer.Run(plans[number - 1](), number, inside ? resume : null, Capture, cancellation));
            var boundary = new Snapshot { Stage = number + 1, History = [.. history] };
            Capture(boundary);
            store.Save(boundary);
        }
        module.Freeze();

        Decoder? projected = null;
        int[] held = [.. Enumerable.Range(0, data.Patients.Count).Except(fitted)];
        if (held.Length > 0)
            projected = Projection.Fit(device, module, Encoded(), data.Patients.Select(held), null, options, key.Split("projection"), progress, cancellation);
        var model = new ScSurvModel(module, options, data.Genes, data.Cells.Samples, patients.Names, Encoded(), ProfileOf(patients, data.Genes.Count));
        return new ScSurvFit(model, fitted, held, projected, stages.TestCells, history, finished);
    }

    /// <summary>Shares and linear predictors of new patients from their counts alone, everything trained being frozen.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="patients">Counts on all genes of the model, S x G; columns of absent genes hold anything.</param>
    /// <param name="present">Indices of the genes that the new counts have, ascending; null for all.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellation">Interrupts between steps.</param>
    /// <param name="threads">Threads of what does not run on the device, 0 for all cores.</param>
    public PatientPrediction Predict(Device device, Mixtures patients, int[]? present, ITrainingProgress progress, CancellationToken cancellation, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(patients);
        RandomKey key = RandomKey.From(Options.Seed, "scsurv");
        Decoder decoder = Projection.Fit(device, Module, Posterior, patients, present, Options, key.Split("projection"), progress, cancellation);
        var shares = new RowStore(Posterior.Cells, decoder.Outputs);
        Posterior.FillMeanShares([(decoder, [.. Enumerable.Range(0, decoder.Outputs)])], Options.PosteriorDraws, key.Split("posterior"), shares, cancellation);
        if (Contributions is not { } hazard)
        {
            float[] beta = Posterior.MeanContribution(Module.Hazard, Options.PosteriorDraws, key.Split("posterior"));
            return new PatientPrediction(shares, new ContributionValues(LinearPredictor.OfCells(shares, beta), [])) { Names = patients.Names };
        }
        double[] misfit = hazard.Refine(patients, shares, present, threads);
        return new PatientPrediction(shares, hazard.Patients(shares, patients, present, threads).Widened(hazard.SharesVariance(shares, patients, present, threads))) { Names = patients.Names, Misfit = misfit, Distance = hazard.DistanceOf(shares, patients, present, threads), Limits = hazard.Limits };
    }

    /// <summary>Contributions of cells that are not in the reference, through the encoder.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="cells">The cells on all genes of the model.</param>
    /// <param name="threads">Threads of what does not run on the device, 0 for all cores.</param>
    /// <exception cref="InvalidOperationException">The model has no intervals: it was fitted with the published method.</exception>
    public CellPrediction PredictCells(Device device, ReferenceCells cells, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ContributionModel hazard = Contributions ?? throw new InvalidOperationException("a model of the published method has no contributions of new cells");
        float[] states = new float[(long)cells.Names.Count * Module.Sizes.Latent];
        // A sample that the encoder does not know: the mean over those that it knows.
        bool strangers = cells.SampleOf.Any(s => s < 0) && Samples.Count > 0;
        int passes = strangers ? Samples.Count : 1;
        for (int pass = 0; pass < passes; pass++)
        {
            int[] taken = [.. cells.SampleOf.Select(s => s >= 0 || !strangers ? s : pass)];
            float[] mu = Posterior.Encode(device, Module, cells with { SampleOf = taken }).Mu;
            for (int i = 0; i < mu.Length; i++) states[i] += mu[i] / passes;
        }
        var (contribution, typeOf, distance) = hazard.NewCells(states, cells.Counts, cells.Size, cells.SampleOf, threads);
        return new CellPrediction(cells.Names, states, contribution, [.. typeOf.Select(t => t >= 0 ? hazard.Types[t] : "")], distance);
    }

    /// <summary>Size factors of new patients that have only some of the genes: their total over the total that the training cohort has there,
    /// so that with all genes it is the mean count per gene.</summary>
    public float[] SizeOf(float[] counts, int patients, int[]? present)
    {
        ArgumentNullException.ThrowIfNull(counts);
        int genes = Genes.Count;
        int[] columns = present ?? [.. Enumerable.Range(0, genes)];
        double expected = present is null ? genes : columns.Sum(g => (double)BulkProfile[g]);
        var size = new float[patients];
        for (int s = 0; s < patients; s++)
        {
            double total = 0;
            foreach (int g in columns) total += counts[s * genes + g];
            size[s] = (float)(total / expected);
        }
        return size;
    }

    /// <summary>Writes <c>model.json</c>, <c>weights.safetensors</c> and <c>reference.safetensors</c> into a folder that exists.</summary>
    /// <exception cref="InvalidOperationException">There is no <see cref="Risk"/> yet.</exception>
    public void Save(string folder) => ScSurvFiles.Save(this, folder);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="InputException">A file is missing, damaged, or does not fit the others.</exception>
    public static ScSurvModel Load(string folder, Device device) => ScSurvFiles.Load(folder, device);

    private static float[] ProfileOf(Mixtures patients, int genes)
    {
        var sum = new double[genes];
        for (int s = 0; s < patients.Count; s++)
            for (int g = 0; g < genes; g++) sum[g] += patients.Counts[s * genes + g] / (double)patients.Size[s];
        return [.. sum.Select(v => (float)(v / patients.Count))];
    }

    private static void Restore(ScSurvModule module, Snapshot snapshot, string fingerprint)
    {
        if (snapshot.Fingerprint != fingerprint)
            throw new InputException("The checkpoint in this folder belongs to a run with other files or options; give the same ones, or start again with --overwrite.");
        module.ImportState(snapshot.Section("weights/"));
    }

    private static string Fingerprint(ScSurvData data, ScSurvOptions options)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Text(string s) => hash.AppendData(Encoding.UTF8.GetBytes(s + "\n"));
        void Numbers<T>(T[] values) where T : unmanaged
        {
            for (int from = 0; from < values.Length; from += 1 << 24)
                hash.AppendData(MemoryMarshal.AsBytes(values.AsSpan(from, Math.Min(1 << 24, values.Length - from))));
        }
        Text(JsonSerializer.Serialize(options));
        foreach (string s in data.Genes.Concat(data.Cells.Names).Concat(data.Cells.Samples).Concat(data.Patients.Names).Concat(data.Spots?.Names ?? [])) Text(s);
        data.Cells.Counts.ForEachBlock((_, rows) =>
        {
            hash.AppendData(MemoryMarshal.AsBytes(rows.RowPointers.Span));
            hash.AppendData(MemoryMarshal.AsBytes(rows.Indices.Span));
            hash.AppendData(MemoryMarshal.AsBytes(rows.Values.Span));
        });
        Numbers(data.Cells.SampleOf);
        Numbers(data.Patients.Counts);
        Numbers(data.Time);
        Numbers(data.Event);
        Numbers([.. data.Splits.Select(s => (int)s)]);
        if (data.Outcome is SurvivalOutcome { Data: var survival })
        {
            Numbers(survival.Weights.ToArray());
            Numbers(survival.Strata.ToArray());
            Numbers(survival.Entry.ToArray());
        }
        if (data.Outcome is BinaryOutcome binary) Numbers(binary.Values);
        if (data.Outcome is ContinuousOutcome continuous) Numbers(continuous.Values);
        if (data.Covariates is not null) Numbers(data.Covariates.Values);
        if (data.Spots is not null) Numbers(data.Spots.Counts);
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}

/// <summary>A finished training.</summary>
/// <param name="Model">The model.</param>
/// <param name="Fitted">Patients (rows of the data) that own a column of the bulk decoder.</param>
/// <param name="Held">Patients whose shares came from projection.</param>
/// <param name="Projected">The bulk decoder with their columns; null when there are none.</param>
/// <param name="TestCells">Cells that no stage saw.</param>
/// <param name="History">Losses and validation values, epoch by epoch.</param>
/// <param name="Stages">How each stage ended.</param>
public sealed record ScSurvFit(ScSurvModel Model, int[] Fitted, int[] Held, Decoder? Projected, int[] TestCells, IReadOnlyList<HistoryRow> History, IReadOnlyList<StageSummary> Stages);

/// <summary>What a model says of new patients.</summary>
/// <param name="Shares">Share of every cell of the reference, N x S.</param>
/// <param name="LinearPredictor">Linear predictors; without standard deviations (empty) for a model of the published method.</param>
public sealed record PatientPrediction(RowStore Shares, ContributionValues LinearPredictor)
{
    /// <summary>Names of the patients.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Distance of each patient to those learned from; empty for a model of the published method.</summary>
    public double[] Distance { get; init; } = [];

    /// <summary>Squared residuals over expected variance, mean over genes; empty for a model of the published method.</summary>
    public double[] Misfit { get; init; } = [];

    /// <summary>Distance and misfit above which a patient is unlike those learned from.</summary>
    public (double Distance, double Misfit) Limits { get; init; } = (double.PositiveInfinity, double.PositiveInfinity);

    /// <summary>Patients that lie outside the limits: what is said of them is extrapolated.</summary>
    public bool[] Unlike => [.. Names.Select((_, i) => Distance.Length > 0 && (Distance[i] > Limits.Distance || Misfit[i] > Limits.Misfit))];
}

/// <summary>What a model says of new cells.</summary>
/// <param name="Names">Names of the cells.</param>
/// <param name="States">Latent states, n x z.</param>
/// <param name="Contribution">Contributions, relative to the average cell of the average patient.</param>
/// <param name="Types">Type that the nearest cells of the reference vote for.</param>
/// <param name="Distance">Distance to the nearest cell of the reference, in units of what 99 % of its cells keep to.</param>
public sealed record CellPrediction(IReadOnlyList<string> Names, float[] States, ContributionValues Contribution, string[] Types, double[] Distance);

/// <summary>How linear predictors become risks: relative to the training patients, who also gave the baseline hazard.</summary>
/// <param name="Hazard">Cumulative baseline hazard (Breslow).</param>
/// <param name="Center">Mean linear predictor of the training patients: risk is exp(eta - center).</param>
/// <param name="Median">Median linear predictor of the training patients: above it a patient is in the high-risk group.</param>
public sealed record RiskScale(BaselineHazard Hazard, double Center, double Median);
