using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// The four stages as <see cref="StagePlan"/>s: which minibatch, which loss, which validation. Every stage runs only what its loss needs:
/// from stage 2 on the encoder is frozen and its posteriors are computed once, in stage 4 nothing touches genes.
/// </summary>
internal sealed class ScSurvStages
{
    private readonly ScSurvModule _module;
    private readonly ScSurvData _data;
    private readonly ScSurvOptions _options;
    private readonly Device _device;
    private readonly Tape _tape;
    private readonly RandomKey _key;
    private readonly RowBlock _block = new();
    private readonly BlockStarts _starts = new();
    private readonly double[] _logFactorials;
    private readonly int[] _trainCells;
    private readonly int[] _validationCells;

    internal ScSurvStages(ScSurvModule module, ScSurvData data, ScSurvOptions options, Device device, RandomKey key)
    {
        (_module, _data, _options, _device, _key) = (module, data, options, device, key);
        _tape = new Tape(device);
        _logFactorials = LogFactorials(data.Cells.Counts);
        (_trainCells, _validationCells, TestCells) = Splits.OfCells(data.Cells.Names.Count, options.TrainCells, options.ValidationCells, key.Split("cell split"));
    }

    /// <summary>Cells that no stage trains or validates on.</summary>
    internal int[] TestCells { get; }

    /// <summary>Stage 1.</summary>
    internal StagePlan Cells()
    {
        var batches = new Minibatches(_trainCells, _options.Cells.BatchSize, _key.Split("cells/order"));
        RandomKey noise = _key.Split("cells/noise");
        return Plan("cells", _module.CellParameters(_options.Likelihood), _options.Cells, batches, "loss", higherIsBetter: false,
            scale: (double)_trainCells.Length * _data.Genes.Count,
            step: (epoch, step) => WithGradient(CellLoss(batches.Batch(epoch, step), noise.Split(epoch).Split(step))),
            validate: epoch => OverValidationCells(_options.Cells.BatchSize, (rows, i) => CellLoss(rows, noise.Split("validation").Split(i))) / ((double)_validationCells.Length * _data.Genes.Count));
    }

    /// <summary>Stages 2 and 3, and the projection of new patients: mixtures of the minibatch's cells explain counts.</summary>
    /// <param name="name">Stage name.</param>
    /// <param name="decoder">Bulk or spatial decoder.</param>
    /// <param name="genes">Its parameters per gene.</param>
    /// <param name="parameters">What trains.</param>
    /// <param name="mixtures">The counts to explain.</param>
    /// <param name="posterior">Posterior of every cell.</param>
    /// <param name="options">Learning rate and minibatch.</param>
    internal StagePlan Mixture(string name, Decoder decoder, GeneParameters genes, IReadOnlyList<Parameter> parameters, Mixtures mixtures, Posterior posterior, StageOptions options)
    {
        var batches = new Minibatches(_trainCells, options.BatchSize, _key.Split(name + "/order"));
        RandomKey noise = _key.Split(name + "/noise");
        Tensor counts = Tensor.From(mixtures.Counts, mixtures.Count, _data.Genes.Count), size = Tensor.From(mixtures.Size, mixtures.Count, 1);
        double constant = Tensors.Kernels.NegativeBinomialLoss.Constant(mixtures.Counts);
        Tensor Loss(int[] rows, RandomKey key)
        {
            Tensor z = _tape.Input(posterior.Draw(rows, key), rows.Length, _options.Latent);
            Linear output = _module.Expression.Output;
            return ScSurvModule.MixtureLoss(_tape, decoder, genes, z, _module.HiddenOfRates(z, OneHot(rows)), (output.Weight, output.Bias), counts, size, constant);
        }
        double scale = (double)mixtures.Count * _data.Genes.Count;
        return Plan(name, parameters, options, batches, "loss", higherIsBetter: false, scale * batches.Count,
            step: (epoch, step) => WithGradient(Loss(batches.Batch(epoch, step), noise.Split(epoch).Split(step))),
            validate: epoch => OverValidationCells(options.BatchSize, (rows, i) => Loss(rows, noise.Split("validation").Split(i))) / (scale * Chunks(options.BatchSize)));
    }

    /// <summary>Stage 4.</summary>
    internal StagePlan Hazard(Posterior posterior, int[] columnOfTrain, int[] columnOfValidation)
    {
        var batches = new Minibatches(_trainCells, _options.Hazard.BatchSize, _key.Split("hazard/order"));
        RandomKey noise = _key.Split("hazard/noise");
        int[] train = _data.PatientsIn(Split.Train), validation = _data.PatientsIn(Split.Validation);
        var likelihood = new PartialLikelihood(SurvivalOf(train), _options.Ties);
        SurvivalData survival = SurvivalOf(validation);
        // Frozen in this stage: shares of all cells at the posterior mean, validation patients x cells.
        var shares = new Lazy<float[]>(() => posterior.SharesAtMean(_module.Bulk, columnOfValidation));
        return Plan("hazard", _module.HazardParameters, _options.Hazard, batches, "concordance", higherIsBetter: true, scale: (double)train.Length * batches.Count,
            step: (epoch, step) =>
            {
                int[] rows = batches.Batch(epoch, step);
                Tensor z = _tape.Input(posterior.Draw(rows, noise.Split(epoch).Split(step)), rows.Length, _options.Latent);
                Tensor p = ScSurvModule.Shares(_module.Bulk, z);
                Tensor eta = GatherRows(_tape, MatMul(p, _module.Contribution(z), transposeA: true), columnOfTrain);
                return WithGradient(CoxLoss.Of(_tape, eta, likelihood));
            },
            validate: _ =>
            {
                float[] beta = posterior.ContributionAtMean(_module.Hazard);
                double[] eta = LinearPredictor.Of(shares.Value, beta, columnOfValidation.Length);
                return Concordance.Compute(survival, eta).Value;
            });
    }

    private StagePlan Plan(string name, IReadOnlyList<Parameter> parameters, StageOptions stage, Minibatches batches, string validationName, bool higherIsBetter, double scale,
        Func<int, int, double> step, Func<int, double> validate)
    {
        _module.Freeze();
        foreach (Parameter p in parameters) p.Frozen = false;
        return new StagePlan
        {
            Name = name,
            Parameters = parameters,
            Optimizer = new AdamW(parameters, stage.LearningRate, weightDecay: _options.WeightDecay),
            StepsPerEpoch = batches.Count,
            ItemsPerEpoch = _trainCells.Length,
            Step = step,
            Validate = validate,
            ValidationName = validationName,
            LossScale = scale,
            Stopping = new EarlyStopping(_options.Patience, _options.Window, higherIsBetter),
            MaxEpochs = _options.MaxEpochs,
        };
    }

    private Tensor CellLoss(int[] rows, RandomKey noise)
    {
        // Unpacked next to each other; the block is used again once the tape has been reset.
        Unpack.Rows(_data.Cells.Counts, rows, _block, _device);
        var counts = new SparseRows(_block.RowPointers, _block.Indices, _block.Values, _data.Cells.Counts.Columns, _starts);
        int[] samples = Gather(_data.Cells.SampleOf, rows);
        Tensor eps = _tape.NewTensor(rows.Length, _options.Latent);
        RandomFill.Normal(noise, eps.Span);
        return _module.CellLoss(_tape, counts, samples, OneHot(rows), Gather(_data.Cells.Size, rows),
            eps, _options.Likelihood, rows.Sum(r => _logFactorials[r]));
    }

    private static double[] LogFactorials(Matrix counts)
    {
        var sums = new double[counts.Rows];
        counts.ForEachBlock((first, block) =>
        {
            var all = new SparseRows(block.RowPointers, block.Indices, block.Values, counts.Columns);
            for (int r = 0; r < block.Count; r++) sums[first + r] = all.Choose(new[] { r }).LogFactorials();
        });
        return sums;
    }

    private double WithGradient(Tensor loss)
    {
        double value = loss.ToScalar();
        if (double.IsFinite(value))
        {
            _tape.Backward(loss);
            _module.ZeroInvariantGradients();
        }
        _tape.Reset();
        return value;
    }

    private int Chunks(int size) => (_validationCells.Length + size - 1) / size;

    private double OverValidationCells(int size, Func<int[], int, Tensor> loss)
    {
        double total = 0;
        int chunks = Chunks(size);
        // Losses that find their gradients on the way spare themselves the trouble.
        _tape.RecordsGradients = false;
        try
        {
            for (int i = 0; i < chunks; i++)
            {
                int from = (int)((long)_validationCells.Length * i / chunks), to = (int)((long)_validationCells.Length * (i + 1) / chunks);
                total += loss(_validationCells[from..to], i).ToScalar();
                _tape.Reset();
            }
        }
        finally { _tape.RecordsGradients = true; }
        return total;
    }

    private Tensor OneHot(int[] rows) => Op.OneHot(_tape, Gather(_data.Cells.SampleOf, rows), _data.Cells.SampleColumns);

    private SurvivalData SurvivalOf(int[] patients) => new([.. patients.Select(i => _data.Time[i])], [.. patients.Select(i => _data.Event[i])]);

    private static T[] Gather<T>(T[] values, int[] rows)
    {
        var chosen = new T[rows.Length];
        for (int i = 0; i < rows.Length; i++) chosen[i] = values[rows[i]];
        return chosen;
    }
}
