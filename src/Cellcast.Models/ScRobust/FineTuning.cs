using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cellcast.Analysis.Baselines;
using Cellcast.Analysis.Metrics;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Settings of training on labels. The defaults are ours, made for cells that lose genes; <see cref="Published"/> are those of the paper.</summary>
public sealed record FineTuningOptions
{
    /// <summary>Most genes of a cell that the encoder sees.</summary>
    public int Genes { get; init; } = 1000;

    /// <summary>Which of its genes come first; figures from the training cells only.</summary>
    public GeneRanking Order { get; init; } = GeneRanking.Hug;

    /// <summary>Cells per step.</summary>
    public int BatchCells { get; init; } = 32;

    /// <summary>Most epochs.</summary>
    public int Epochs { get; init; } = 15;

    /// <summary>Epochs without a better macro-F1 of the validation cells after which training stops; of no effect where steps shrink.</summary>
    public int Patience { get; init; } = 10;

    /// <summary>Step size of Adam.</summary>
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>Steps grow over the first twentieth of the training and then shrink to 0 along half a cosine (Loshchilov and Hutter 2016), and the last state is kept: a tenth of a small class is
    /// too few cells to choose an epoch by. Otherwise all steps are equal and the best state is kept, as published.</summary>
    public bool ShrinkingSteps { get; init; } = true;

    /// <summary>Every training cell loses in every epoch another random share of its expressed genes, evenly spread from 0 to this. 0 as published.</summary>
    public double TrainDropout { get; init; } = 0.9;

    /// <summary>Whether logits are the sum of what the head makes of the cell vector and what the genes say by themselves (class profiles and a linear layer on the
    /// genes), or only the former, as published.</summary>
    public bool Evidence { get; init; } = true;

    /// <summary>How far small classes are made up for: this times the logarithm of a class's share of the training cells is added to its logit while training (Menon et al. 2021). 1 counts all
    /// classes alike, 0 all cells, as published.</summary>
    public double Balance { get; init; } = 0.5;

    /// <summary>Share of numbers that dropout sets to 0.</summary>
    public double Dropout { get; init; } = 0.1;

    /// <summary>Share of each class that is held out, to choose the epoch, the temperature and the threshold with.</summary>
    public double ValidationShare { get; init; } = 0.1;

    /// <summary>Share of the held-out cells called right that shall not become unknown.</summary>
    public double Kept { get; init; } = 0.95;

    /// <summary>Seed of all random numbers.</summary>
    public long Seed { get; init; }

    /// <summary>The settings of Park and Lee 2024.</summary>
    public static FineTuningOptions Published { get; } = new() { Genes = 800, Epochs = 10, LearningRate = 5e-5, ShrinkingSteps = false, TrainDropout = 0, Evidence = false, Balance = 0 };
}

/// <summary>One epoch of training on labels.</summary>
/// <param name="Epoch">From 1.</param>
/// <param name="TrainingLoss">Cross-entropy, mean over its batches.</param>
/// <param name="ValidationMacroF1">Macro-F1 of the held-out cells.</param>
public sealed record FineTuningEpoch(int Epoch, double TrainingLoss, double ValidationMacroF1);

/// <summary>What training on labels left.</summary>
/// <param name="Annotator">The classifier in its best state, calibrated.</param>
/// <param name="History">Loss and validation macro-F1 of every epoch.</param>
/// <param name="Summary">How it ended.</param>
/// <param name="TrainingCells">How many cells it was trained on.</param>
/// <param name="ValidationCells">How many were held out.</param>
/// <param name="Validation">The held-out cells, every one with its likeliest class.</param>
/// <param name="UnknownShare">Share of the held-out cells below the threshold.</param>
public sealed record FineTuningResult(CellAnnotator Annotator, IReadOnlyList<FineTuningEpoch> History, StageSummary Summary, int TrainingCells, int ValidationCells, ConfusionMatrix Validation, double UnknownShare);

/// <summary>Training of an encoder and a classifier on labels (Park and Lee 2024). Random numbers are keyed by what they are for, so that neither threads nor interruptions change the result.</summary>
public sealed class FineTuning
{
    private const string StageName = "train";
    private const double TieBreak = 1e-9;

    private readonly Device _device;
    private readonly CellSet _cells;
    private readonly int[] _labels, _training, _validation;
    private readonly FineTuningOptions _options;
    private readonly CellAnnotator _annotator;
    private readonly Network _network;
    private readonly RandomKey _key;
    private readonly Tape _tape;
    private readonly TokenBatch _batch = new();
    private readonly Minibatches _batches;
    private readonly AdamW _optimizer;
    private readonly ClassProfiles? _profiles;
    private readonly EvidenceBatch? _evidence;
    private readonly CellThinning _thinning = new();
    private readonly float[] _logShares;
    private float[] _logValues = [];

    private FineTuning(Device device, ScRobustModel start, CellSet cells, int[] labels, string[] classes, FineTuningOptions options)
    {
        (_device, _labels, _options) = (device, labels, options);
        _key = Key(options);
        (_training, _validation) = Split(labels, classes.Length, options);
        var model = new ScRobustModel(start.Encoder, start.Vocabulary, start.Preprocessing, start.Padding, GeneStatistics.Of(cells, _training));
        var head = new Head(CellAnnotator.HeadName, model.Encoder.Size.Hidden, classes.Length, _key.Split("weights"));
        GeneEvidence? evidence = null;
        if (options.Evidence)
        {
            (_profiles, float length) = GeneEvidence.ProfilesOf(cells, labels, classes.Length);
            evidence = new GeneEvidence(classes.Length, _profiles.LogOdds, length, fades: true);
            _evidence = new EvidenceBatch();
        }
        _annotator = new CellAnnotator(model, head, evidence, classes, options.Genes, options.Order, options.Seed);
        _network = new Network(model.Encoder, head, evidence);
        _optimizer = new AdamW(_network.Parameters, options.LearningRate, weightDecay: 0);
        _logShares = [.. Enumerable.Range(0, classes.Length).Select(k => (float)(options.Balance * Math.Log(_training.Count(c => labels[c] == k) / (double)_training.Length)))];
        _cells = cells.In(model.OrderOf(options.Order, cells, options.Seed));
        _tape = new Tape(device);
        _batches = new Minibatches(_training, options.BatchCells, _key.Split("batches"));
    }

    /// <summary>A model whose encoder has random weights, to train from scratch.</summary>
    /// <param name="vocabulary">Its genes.</param>
    /// <param name="preprocessing">How counts become values.</param>
    /// <param name="size">Sizes.</param>
    /// <param name="seed">Seed of the weights.</param>
    public static ScRobustModel Fresh(GeneVocabulary vocabulary, CellPreprocessing preprocessing, EncoderSize size, long seed) =>
        new(new CellEncoder(size, RandomKey.From(seed, "scrobust from scratch")), vocabulary, preprocessing, Padding.Masked, null);

    /// <summary>Trains encoder and classifier.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="start">Where to start from; its encoder is changed.</param>
    /// <param name="cells">The cells, on its vocabulary.</param>
    /// <param name="labels">Class of each cell, from 0; every class has at least two cells.</param>
    /// <param name="classes">Names of the classes, in ordinal order.</param>
    /// <param name="options">Settings.</param>
    /// <param name="store">Where checkpoints go.</param>
    /// <param name="resume">The last checkpoint of an interrupted run with the same cells and settings, or null.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Interrupts between steps; a checkpoint is kept.</param>
    /// <exception cref="InputException">The checkpoint belongs to another run.</exception>
    /// <exception cref="NotFiniteException">Training diverged.</exception>
    public static FineTuningResult Run(Device device, ScRobustModel start, CellSet cells, int[] labels, string[] classes, FineTuningOptions options, ICheckpointStore store, Snapshot? resume,
        ITrainingProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(options);
        if (labels.Length != cells.Count) throw new ArgumentException($"{labels.Length} labels for {cells.Count} cells", nameof(labels));
        if (cells.Vocabulary != start.Vocabulary) throw new ArgumentException("the cells are not on the vocabulary of the encoder", nameof(cells));
        return new FineTuning(device, start, cells, labels, classes, options).Train(store, resume, progress, cancellation);
    }

    private FineTuningResult Train(ICheckpointStore store, Snapshot? resume, ITrainingProgress progress, CancellationToken cancellation)
    {
        string fingerprint = Fingerprint();
        if (resume is not null)
        {
            if (resume.Fingerprint != fingerprint) throw new InputException("The checkpoint in this folder belongs to a run with other files or options, or of another version of cellcast; give the same ones, or start again with --overwrite.");
            _network.ImportState(resume.Section("weights/"));
        }
        var plan = new StagePlan
        {
            Name = StageName,
            Parameters = _network.Parameters,
            Optimizer = _optimizer,
            StepsPerEpoch = _batches.Count,
            ItemsPerEpoch = _training.Length,
            Step = Step,
            Validate = _ => Validate(ValidationLogits(cancellation)),
            ValidationName = "macro-F1",
            LossScale = _batches.Count,
            // A window of all epochs makes the last state the best.
            Stopping = _options.ShrinkingSteps ? new EarlyStopping(_options.Epochs, window: _options.Epochs, higherIsBetter: true) : new EarlyStopping(_options.Patience, window: 1, higherIsBetter: true),
            MaxEpochs = _options.Epochs,
        };
        List<HistoryRow> history = [.. resume?.History ?? []];
        StageSummary summary = new StageTrainer(_device, store, progress, history, stageCount: 1).Run(plan, 1, resume, s => Capture(s, fingerprint), cancellation);
        double[] logits = ValidationLogits(cancellation);
        double unknown = Calibrate(logits);
        // Without what breaks ties.
        FineTuningEpoch[] epochs = [.. history.Select(h => new FineTuningEpoch(h.Epoch, h.TrainingLoss, Math.Round(h.ValidationValue, 8)))];
        return new FineTuningResult(_annotator, epochs, summary, _training.Length, _validation.Length, Confusion(logits), unknown);
    }

    private double Step(int epoch, int step)
    {
        _tape.Reset();
        _batch.Clear();
        _evidence?.Clear();
        if (_options.ShrinkingSteps) _optimizer.LearningRate = _options.LearningRate * Pace((epoch * (double)_batches.Count + step) / (_options.Epochs * (double)_batches.Count));
        int[] rows = _batches.Batch(epoch, step);
        foreach (int c in rows)
        {
            RandomKey lost = _key.Split("lost genes").Split(epoch).Split(c);
            Append(_batch, c, CellThinning.Share(_options.TrainDropout, lost.Split("share")), lost.Split("genes"));
        }
        var noise = new DropoutNoise((float)_options.Dropout, _key.Split("dropout").Split(epoch).Split(step));
        Tensor logits = _annotator.Forward(_tape, _batch, _evidence, noise);
        if (_options.Balance != 0)
        {
            var shares = new float[rows.Length * _logShares.Length];
            for (int i = 0; i < rows.Length; i++) _logShares.CopyTo(shares, i * _logShares.Length);
            logits = Op.Add(logits, _tape.Input(shares, rows.Length, _logShares.Length));
        }
        Tensor loss = Op.CrossEntropy(logits, [.. rows.Select(r => _labels[r])]);
        _tape.Backward(loss);
        return loss.ToScalar();
    }

    /// <summary>Share of the full step size after a share of all steps.</summary>
    private static double Pace(double done) => Math.Min(1, (done + 1e-3) / 0.05) * 0.5 * (1 + Math.Cos(Math.PI * done));

    /// <summary>Appends a labelled cell that has lost a share of its genes. Its own genes do not count as evidence for its class, whether it is trained on or held out.</summary>
    private void Append(TokenBatch batch, int cell, double share, RandomKey key)
    {
        var genes = _cells.GenesOf(cell);
        var values = _cells.LogValuesOf(cell, ref _logValues);
        _thinning.Take(genes, values, share, key);
        CellTokenizer.Append(batch, _thinning.Genes, _thinning.TokenValues(_annotator.Model.Preprocessing), _options.Genes, _annotator.Model.Padding);
        _annotator.Evidence?.AppendWithout(_evidence!, _profiles!, genes, values, _labels[cell], _thinning);
    }

    private double[] ValidationLogits(CancellationToken cancellation)
    {
        _tape.Reset();
        _tape.RecordsGradients = false;
        try { return _annotator.Logits(_tape, _validation, _options.BatchCells, _evidence, (batch, c) => Append(batch, c, 0, _key), NoProgress.Instance, cancellation); }
        finally
        {
            _tape.Reset();
            _tape.RecordsGradients = true;
        }
    }

    /// <summary>Macro-F1 of the held-out cells. Few cells tie often, and then the first of the epochs would win: among equals the lower loss does, by a difference far below any of macro-F1.</summary>
    private double Validate(double[] logits)
    {
        int k = _annotator.Classes.Count;
        var p = new double[k];
        double loss = 0;
        for (int i = 0; i < _validation.Length; i++)
        {
            Calibration.Probabilities(logits.AsSpan(i * k, k), 1, p);
            loss -= Math.Log(Math.Max(p[_labels[_validation[i]]], double.Epsilon));
        }
        return Confusion(logits).MacroF1 + TieBreak / (1 + loss / _validation.Length);
    }

    private ConfusionMatrix Confusion(double[] logits) =>
        ConfusionMatrix.Of([.. _validation.Select(c => _annotator.Classes[_labels[c]])], [.. Enumerable.Range(0, _validation.Length).Select(i => _annotator.Classes[Best(logits, i)])]);

    /// <summary>Sets temperature and threshold; returns the share of the held-out cells that become unknown.</summary>
    private double Calibrate(double[] logits)
    {
        int k = _annotator.Classes.Count;
        _annotator.Temperature = Calibration.Temperature(logits, [.. _validation.Select(c => _labels[c])], k);
        var p = new double[k];
        var confidence = new double[_validation.Length];
        for (int i = 0; i < confidence.Length; i++)
        {
            Calibration.Probabilities(logits.AsSpan(i * k, k), _annotator.Temperature, p);
            confidence[i] = p.Max();
        }
        _annotator.Threshold = Calibration.Threshold([.. Enumerable.Range(0, confidence.Length).Where(i => Best(logits, i) == _labels[_validation[i]]).Select(i => confidence[i])], _options.Kept);
        return confidence.Count(c => c < _annotator.Threshold) / (double)confidence.Length;
    }

    private int Best(double[] logits, int cell)
    {
        var z = logits.AsSpan(cell * _annotator.Classes.Count, _annotator.Classes.Count);
        int best = 0;
        for (int k = 1; k < z.Length; k++)
            if (z[k] > z[best]) best = k;
        return best;
    }

    private void Capture(Snapshot snapshot, string fingerprint)
    {
        snapshot.Fingerprint = fingerprint;
        foreach (var (name, value) in _network.ExportState()) snapshot.Tensors["weights/" + name] = value;
    }

    /// <summary>Holds out a share of every class, at least one cell and never all of them: the inner split of training.</summary>
    /// <param name="labels">Class of each cell, from 0.</param>
    /// <param name="classes">Number of classes, each with at least two cells.</param>
    /// <param name="options">Share and seed.</param>
    /// <returns>Cells to train with and cells that are held out, each ascending.</returns>
    public static (int[] Training, int[] Validation) Split(int[] labels, int classes, FineTuningOptions options)
    {
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(options);
        RandomKey key = Key(options).Split("validation cells");
        var training = new List<int>();
        var validation = new List<int>();
        for (int k = 0; k < classes; k++)
        {
            int[] members = [.. Enumerable.Range(0, labels.Length).Where(i => labels[i] == k)];
            if (members.Length < 2) throw new ArgumentException($"class {k} has {members.Length} cells: one to learn from and one to validate with are needed", nameof(labels));
            new RandomStream(key.Split(k)).Shuffle<int>(members);
            int held = Math.Clamp((int)Math.Round(options.ValidationShare * members.Length), 1, members.Length - 1);
            validation.AddRange(members[..held]);
            training.AddRange(members[held..]);
        }
        training.Sort();
        validation.Sort();
        return ([.. training], [.. validation]);
    }

    private static RandomKey Key(FineTuningOptions options) => RandomKey.From(options.Seed, "scrobust training on labels");

    /// <summary>Begins with the version of the way of training: steps of two ways must not be mixed.</summary>
    private string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"2\n{_options}\n{string.Join('\n', _annotator.Classes)}\n{string.Join('\n', _cells.Vocabulary.Genes)}\n")));
        hash.AppendData(MemoryMarshal.AsBytes<int>(_labels));
        for (int c = 0; c < _cells.Count; c++)
        {
            hash.AppendData(MemoryMarshal.AsBytes(_cells.GenesOf(c)));
            hash.AppendData(MemoryMarshal.AsBytes(_cells.ValuesOf(c)));
        }
        foreach (Parameter p in _network.Parameters) hash.AppendData(MemoryMarshal.AsBytes(p.Span));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private sealed class Network : Module
    {
        internal Network(CellEncoder encoder, Head head, GeneEvidence? evidence)
        {
            Register(encoder);
            Register(head);
            if (evidence is not null) Register(evidence);
        }
    }
}
