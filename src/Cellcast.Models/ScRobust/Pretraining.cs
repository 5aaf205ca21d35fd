using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>What self-supervised training left.</summary>
/// <param name="Model">The encoder in its best state.</param>
/// <param name="History">Losses of every epoch.</param>
/// <param name="Summary">How it ended.</param>
/// <param name="TrainingCells">How many cells it was trained on.</param>
/// <param name="ValidationCells">How many were kept for validation.</param>
public sealed record PretrainingResult(ScRobustModel Model, IReadOnlyList<PretrainingEpoch> History, StageSummary Summary, int TrainingCells, int ValidationCells);

/// <summary>Self-supervised training of an encoder. Everything random is keyed by what it is for (epoch, step, cell), so that the result does not depend on the number of threads
/// and a run that was interrupted ends like one that was not.</summary>
public sealed class Pretraining
{
    private const string StageName = "pretrain";

    private readonly Device _device;
    private readonly CellSet _cells;
    private readonly PretrainingOptions _options;
    private readonly ContrastivePretraining _module;
    private readonly RandomKey _key;
    private readonly Tape _tape;
    private readonly TokenBatch _views = new(), _targets = new();
    private readonly int[] _training, _validation;
    private readonly Minibatches _batches;
    private readonly ViewSampler _sampler;
    private readonly AdamW _optimizer;
    private readonly List<PretrainingEpoch> _history = [];
    private double _contrastive, _expression;

    private Pretraining(Device device, CellSet cells, PretrainingOptions options)
    {
        (_device, _cells, _options) = (device, cells, options);
        _key = RandomKey.From(options.Seed, "scrobust pretraining");
        var size = new EncoderSize { Vocabulary = cells.Vocabulary.Count, Hidden = options.Hidden, Heads = options.Heads, Layers = options.Layers, HalfValue = options.HalfValue };
        _module = new ContrastivePretraining(new CellEncoder(size, _key.Split("weights")), _key.Split("weights"), options.Temperature);
        _tape = new Tape(device);
        int[] order = new RandomStream(_key.Split("validation cells")).NextPermutation(cells.Count);
        int held = Math.Clamp((int)Math.Round(options.ValidationShare * cells.Count), 2, cells.Count - 2);
        _validation = order[..held];
        _training = order[held..];
        Array.Sort(_validation);
        Array.Sort(_training);
        _batches = new Minibatches(_training, options.BatchCells, _key.Split("batches"));
        _sampler = new ViewSampler(cells, _training, options, options.NeighborShare > 0 ? CellNeighbors.Of(cells, _training, options.Neighbors, options.Seed) : null);
        _optimizer = new AdamW(_module.Parameters, options.LearningRate, weightDecay: 0);
    }

    /// <summary>Trains an encoder on cells.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="cells">The cells; a share of them is kept for validation.</param>
    /// <param name="preprocessing">How their values came about; kept with the encoder.</param>
    /// <param name="options">Settings.</param>
    /// <param name="store">Where checkpoints go.</param>
    /// <param name="resume">The last checkpoint of an interrupted run with the same cells and settings, or null.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Interrupts between steps; a checkpoint is kept.</param>
    /// <exception cref="InputException">There are too few cells, or the checkpoint belongs to another run.</exception>
    /// <exception cref="NotFiniteException">Training diverged.</exception>
    public static PretrainingResult Run(Device device, CellSet cells, CellPreprocessing preprocessing, PretrainingOptions options, ICheckpointStore store, Snapshot? resume,
        ITrainingProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(options);
        RequireCells(cells);
        var run = new Pretraining(device, cells, options);
        return run.Train(preprocessing, store, resume, progress, cancellation);
    }

    /// <summary>Refuses fewer cells than training needs.</summary>
    /// <exception cref="InputException">There are fewer than 4.</exception>
    public static void RequireCells(CellSet cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        if (cells.Count < 4) throw new InputException($"only {cells.Count} cell{(cells.Count == 1 ? "" : "s")} can be used: training needs at least 4 (2 to learn from and 2 to validate with).");
    }

    private PretrainingResult Train(CellPreprocessing preprocessing, ICheckpointStore store, Snapshot? resume, ITrainingProgress progress, CancellationToken cancellation)
    {
        string fingerprint = Fingerprint();
        if (resume is not null) Restore(resume, fingerprint);
        else if (_options.Start == EncoderStart.Components) ComponentStart.Apply(_module.Encoder, _cells, _training, _options.Seed, progress);
        var plan = new StagePlan
        {
            Name = StageName,
            Parameters = _module.Parameters,
            Optimizer = _optimizer,
            StepsPerEpoch = _batches.Count,
            ItemsPerEpoch = _training.Length,
            Step = Step,
            Validate = Validate,
            ValidationName = "contrastive loss",
            LossScale = _batches.Count,
            Stopping = new EarlyStopping(_options.Patience, window: 1, higherIsBetter: false),
            MaxEpochs = _options.Epochs,
        };
        var trainer = new StageTrainer(_device, store, progress, [.. resume?.History ?? []], stageCount: 1);
        StageSummary summary = trainer.Run(plan, 1, resume, s => Capture(s, fingerprint), cancellation);
        VectorMap? map = _options.Mapped ? ExpressionReadout.Learn(_device, _module.Encoder, preprocessing, _cells, _training, _options.Seed, progress, cancellation) : null;
        var model = new ScRobustModel(_module.Encoder, _cells.Vocabulary, preprocessing, Padding.Masked, GeneStatistics.Of(_cells, _training), map);
        return new PretrainingResult(model, _history, summary, _training.Length, _validation.Length);
    }

    private double Step(int epoch, int step)
    {
        if (step == 0) _contrastive = _expression = 0;
        _tape.Reset();
        _optimizer.LearningRate = _options.LearningRateAt((long)epoch * _batches.Count + step, (long)_options.Epochs * _batches.Count);
        _sampler.Fill(_views, _targets, _batches.Batch(epoch, step), _key.Split("views").Split(epoch));
        var noise = new DropoutNoise((float)_options.Dropout, _key.Split("dropout").Split(epoch).Split(step));
        PretrainingLosses losses = _module.Losses(_tape, _views, _targets, noise);
        Tensor sum = Op.Add(losses.Contrastive, Op.Scale(losses.Expression, (float)_options.ExpressionWeight));
        _contrastive += losses.Contrastive.ToScalar();
        _expression += losses.Expression.ToScalar();
        _tape.Backward(sum);
        return sum.ToScalar();
    }

    /// <summary>Losses of the validation cells, on the same views in every epoch and without dropout.</summary>
    private double Validate(int epoch)
    {
        double contrastive = 0, expression = 0;
        int count = (_validation.Length + _options.BatchCells - 1) / _options.BatchCells;
        _tape.RecordsGradients = false;
        try
        {
            for (int b = 0; b < count; b++)
            {
                int from = (int)((long)_validation.Length * b / count), to = (int)((long)_validation.Length * (b + 1) / count);
                _tape.Reset();
                _sampler.Fill(_views, _targets, _validation.AsSpan(from..to), _key.Split("validation views"));
                PretrainingLosses losses = _module.Losses(_tape, _views, _targets);
                contrastive += losses.Contrastive.ToScalar() * (double)(to - from);
                expression += losses.Expression.ToScalar() * (double)(to - from);
            }
        }
        finally
        {
            _tape.Reset();
            _tape.RecordsGradients = true;
        }
        _history.Add(new PretrainingEpoch(epoch + 1, (float)(_contrastive / _batches.Count), (float)(_expression / _batches.Count),
            (float)(contrastive / _validation.Length), (float)(expression / _validation.Length)));
        return contrastive / _validation.Length;
    }

    private void Capture(Snapshot snapshot, string fingerprint)
    {
        snapshot.Fingerprint = fingerprint;
        foreach (var (name, value) in _module.ExportState()) snapshot.Tensors["weights/" + name] = value;
        float[] losses = [.. _history.SelectMany(e => new[] { e.TrainingContrastive, e.TrainingExpression, e.ValidationContrastive, e.ValidationExpression })];
        snapshot.Tensors["losses"] = Tensor.From(losses, _history.Count, 4);
    }

    private void Restore(Snapshot snapshot, string fingerprint)
    {
        if (snapshot.Fingerprint != fingerprint)
            throw new InputException("The checkpoint in this folder belongs to a run with other files or options; give the same ones, or start again with --overwrite.");
        _module.ImportState(snapshot.Section("weights/"));
        var losses = snapshot.Tensors["losses"].Span;
        for (int e = 0; 4 * e < losses.Length; e++) _history.Add(new PretrainingEpoch(e + 1, losses[4 * e], losses[4 * e + 1], losses[4 * e + 2], losses[4 * e + 3]));
    }

    private string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{_options}\n")));
        foreach (string gene in _cells.Vocabulary.Genes) hash.AppendData(Encoding.UTF8.GetBytes(gene + "\n"));
        for (int c = 0; c < _cells.Count; c++)
        {
            hash.AppendData(MemoryMarshal.AsBytes(_cells.GenesOf(c)));
            hash.AppendData(MemoryMarshal.AsBytes(_cells.ValuesOf(c)));
        }
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
