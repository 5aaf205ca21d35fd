using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>Patients are made of three types; the reference may lack the third, whose cells a deconvolution then takes for those of the first. The second has an inner state.</summary>
public class UnexplainedExpressionTests
{
    private const int Genes = 300, Moving = 40, Markers = 12, Patients = 200, CellsPerType = 120;

    [Fact]
    public void A_type_that_the_reference_lacks_is_seen_in_the_patients_and_named_by_its_markers()
    {
        Study study = Make(missing: true);
        ContributionModel model = study.Learn();
        UnexplainedExpression found = model.Unexplained;
        Assert.InRange(found.Directions.Count, 1, 2);
        Assert.True(found.Share >= UnexplainedExpression.Notable, $"{found.Share}");
        Assert.True(found.Largest > found.Share);
        Assert.Subset(study.MarkerGenes, found.Directions[0].Genes.Take(4).ToHashSet());
        string sentence = found.Describe([.. Enumerable.Range(0, Genes).Select(g => $"gene{g}")])!;
        Assert.Contains("may be missing from the reference", sentence, StringComparison.Ordinal);
        Assert.Contains($"gene{found.Directions[0].Genes[0]}", sentence, StringComparison.Ordinal);
        double[] scores = Column(model.FeaturesOf(study.Shares(), study.Mixtures), model.Basis.Features, model.Basis.Features - model.Basis.Unexplained);
        Assert.True(Correlation(scores, study.MissingShare) > 0.95, $"{Correlation(scores, study.MissingShare)}");
        // The state of a type that is there is still found, and nothing else.
        Assert.Equal([1], model.Programs.TypeOf);
    }

    [Theory]
    [InlineData(0.17, "about as much as 17 % of their cells could make")]
    [InlineData(19.6, "more than all of their cells could make")]
    public void How_much_is_unexplained_is_a_share_as_long_as_it_is_one(double share, string words) =>
        Assert.Contains(words, new UnexplainedExpression(share, share, [new UnexplainedDirection(1, [0, 1])]).Describe(["A", "B"]), StringComparison.Ordinal);

    [Fact]
    public void Where_no_type_is_missing_nothing_is_unexplained()
    {
        ContributionModel model = Make(missing: false).Learn();
        Assert.Empty(model.Unexplained.Directions);
        Assert.Equal(0, model.Unexplained.Share);
        Assert.Null(model.Unexplained.Describe([]));
        Assert.Equal(["types", "states", "programs"], model.Basis.Components.Select(c => c.Name));
    }

    [Fact]
    public void What_a_missing_type_does_to_survival_is_not_put_on_the_type_that_stands_in_for_it()
    {
        Study study = Make(missing: true);
        ContributionModel model = study.Learn();
        double[] contribution = model.Cells().Mean;
        double Mean(int type) => Enumerable.Range(0, contribution.Length).Where(c => study.TypeOf[c] == type).Average(c => contribution[c]);
        // The first two types are alike; Cox on the same shares takes the first for adverse.
        var x = new double[Patients, 1];
        for (int s = 0; s < Patients; s++) x[s, 0] = 1 - study.Share[s];
        double onShares = CoxRegression.Fit(study.Survival, x, new CoxOptions()).Coefficients[0];
        Assert.True(onShares > 0.5, $"{onShares}");
        Assert.True(Math.Abs(Mean(0) - Mean(1)) < onShares / 2, $"{Mean(0) - Mean(1)}, Cox {onShares}");
        Assert.True(Correlation(contribution, study.Truth) > 0.7, $"{Correlation(contribution, study.Truth)}");
        RowStore shares = study.Shares();
        model.Refine(study.Mixtures, shares, null);
        double[] eta = model.Patients(shares, study.Mixtures).Mean, cellsAlone = model.Patients(shares, null).Mean, apart = model.UnexplainedPart(model.FeaturesOf(shares, study.Mixtures));
        Assert.True(Correlation(eta, study.Eta) > 0.9, $"{Correlation(eta, study.Eta)}");
        for (int i = 0; i < Patients; i++) Assert.Equal(eta[i], cellsAlone[i] + apart[i], 9);
        Assert.True(Correlation(apart, study.MissingShare) > 0.95);
    }

    [Fact]
    public void Patients_who_were_not_learned_from_are_read_the_same_way_and_threads_change_no_bit()
    {
        Study study = Make(missing: true);
        int[] learn = [.. Enumerable.Range(0, 150)];
        ContributionModel one = study.Learn(learn, threads: 1), three = study.Learn(learn, threads: 3);
        double[] features = one.FeaturesOf(study.Shares(), study.Mixtures, threads: 1);
        Assert.Equal(features, three.FeaturesOf(study.Shares(), study.Mixtures, threads: 3));
        Assert.Equal(one.Fit.Coefficients, three.Fit.Coefficients);
        Assert.Equal(one.SharesVariance(study.Shares(), study.Mixtures, threads: 1), three.SharesVariance(study.Shares(), study.Mixtures, threads: 3));
        int f = one.Basis.Features;
        double[] scores = Column(features, f, f - one.Basis.Unexplained)[150..];
        Assert.True(Correlation(scores, study.MissingShare[150..]) > 0.95);
    }

    [Fact]
    public void A_saved_model_knows_what_it_did_not_explain_and_older_ones_that_do_not_are_read()
    {
        foreach (bool missing in (bool[])[true, false])
        {
            Study study = Make(missing);
            ContributionModel model = study.Learn();
            using var folder = new TemporaryDirectory();
            using (FileStream file = File.Create(folder["contributions.safetensors"])) ContributionFiles.Tensors(model).Write(file);
            ContributionModel read = ContributionFiles.Read(folder["contributions.safetensors"], model.Types, study.States, 3, Genes, 2);
            Assert.Equal(model.Basis.Unexplained, read.Basis.Unexplained);
            Assert.Equal(model.FeaturesOf(study.Shares(), study.Mixtures), read.FeaturesOf(study.Shares(), study.Mixtures));
            Assert.Equal(model.Patients(study.Shares(), study.Mixtures).Mean, read.Patients(study.Shares(), study.Mixtures).Mean);
            Assert.Equal(model.Unexplained.Share, read.Unexplained.Share);
            // Without a direction the file is what it was before there were any.
            using Tensors.Io.SafetensorsFile tensors = Tensors.Io.SafetensorsFile.Open(folder["contributions.safetensors"]);
            Assert.Equal(missing, tensors.Contains("background_effects"));
        }
    }

    [Fact]
    public void A_model_that_read_shares_in_another_way_is_not_read_as_if_it_had_not()
    {
        Study study = Make(missing: false);
        using var folder = new TemporaryDirectory();
        using (FileStream file = File.Create(folder["contributions.safetensors"])) ContributionFiles.Tensors(study.Learn()).Write(file);
        byte[] bytes = File.ReadAllBytes(folder["contributions.safetensors"]);
        int at = bytes.AsSpan().IndexOf("share_weight"u8);
        "share_errors"u8.CopyTo(bytes.AsSpan(at));
        File.WriteAllBytes(folder["contributions.safetensors"], bytes);
        var refused = Assert.Throws<InvalidDataException>(() => ContributionFiles.Read(folder["contributions.safetensors"], study.Learn().Types, study.States, 3, Genes, 2));
        Assert.Contains("fit the model again", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whoever_fits_is_warned_and_told_which_genes()
    {
        using var device = new CpuDevice(2);
        Study study = Make(missing: true);
        var data = new ScSurvData([.. Enumerable.Range(0, Genes).Select(g => $"gene{g:000}")], study.Cells, study.Mixtures, study.Survival.Time.ToArray(), study.Survival.Event.ToArray(),
            [.. Enumerable.Range(0, Patients).Select(s => s % 5 == 0 ? Split.Test : s % 5 == 1 ? Split.Validation : Split.Train)], null)
        { Labels = study.Labels };
        ScSurvFit fit = ScSurvModel.Fit(device, data, Cohort.Quick with { MaxEpochs = 60 }, new NoCheckpoints(), null, NoProgress.Instance, default);
        var said = new Said();
        ScSurvResults results = ScSurvResults.Collect(device, fit, data, said);
        string warning = Assert.Single(said.Warnings, w => w.Contains("no cell of the reference explains", StringComparison.Ordinal));
        var metrics = ScSurvOutput.Metrics(results, data, fit, "test")["unexplained"]!;
        Assert.True((double)metrics["share"]! >= UnexplainedExpression.Notable);
        Assert.Contains((string)metrics["directions"]![0]!["genes"]![0]!, warning, StringComparison.Ordinal);
        Assert.Contains(study.MarkerGenes, g => warning.Contains(data.Genes[g], StringComparison.Ordinal));
        Assert.Equal(data.Patients.Count, ScSurvOutput.Patients(results).ToDataFrame().Require("unexplained_predictor", "patients").Length);
    }

    private sealed class Said : ITrainingProgress
    {
        internal List<string> Warnings { get; } = [];

        public void Report(in TrainingUpdate update) { }

        public void StageDone(string stage, int epochs, string outcome) { }

        public void Message(string text) { }

        public void Warning(string text) => Warnings.Add(text);
    }

    private static Study Make(bool missing)
    {
        var random = new RandomStream(RandomKey.From(3, "unexplained expression study"));
        int n = 2 * CellsPerType;
        double[,] rate = new double[3, Genes];
        double[] effect = new double[Genes];
        for (int g = 0; g < Genes; g++)
        {
            double common = 1 + 0.6 * random.NextNormal();
            for (int t = 0; t < 3; t++) rate[t, g] = Math.Exp(common + 0.5 * random.NextNormal() + (g / Markers == 10 + t ? 2 : 0));
            effect[g] = g < Moving ? 0.35 * (g % 2 == 0 ? 1 : -1) : 0;
        }
        double Rate(int type, double state, int g) => rate[type, g] * Math.Exp(type == 1 ? effect[g] * state : 0);
        int[] typeOf = [.. Enumerable.Range(0, n).Select(c => c % 2)];
        double[] state = [.. Enumerable.Range(0, n).Select(_ => random.NextNormal())];
        float[] counts = new float[n * Genes], states = new float[n * 3];
        for (int c = 0; c < n; c++)
        {
            for (int g = 0; g < Genes; g++) counts[c * Genes + g] = random.NextPoisson(Rate(typeOf[c], state[c], g));
            for (int d = 0; d < 3; d++) states[c * 3 + d] = (float)((d == 0 ? 4 * typeOf[c] : 0) + 0.3 * random.NextNormal());
        }
        double[] share = new double[Patients], gone = new double[Patients], time = new double[Patients], eta = new double[Patients];
        float[] bulk = new float[Patients * Genes];
        for (int s = 0; s < Patients; s++)
        {
            gone[s] = missing ? 0.6 * random.NextUniform() * random.NextUniform() : 0;
            share[s] = (1 - gone[s]) * (0.2 + 0.6 * random.NextUniform());
            double inner = 0.8 * random.NextNormal();
            for (int g = 0; g < Genes; g++) bulk[s * Genes + g] = random.NextPoisson(200 * ((1 - share[s] - gone[s]) * Rate(0, 0, g) + share[s] * Rate(1, inner, g) + gone[s] * Rate(2, 0, g)));
            eta[s] = 3 * share[s] * inner + 10 * gone[s];
            time[s] = random.NextExponential() / Math.Exp(eta[s]) + 1e-6;
        }
        string[] Names(string prefix, int count) => [.. Enumerable.Range(0, count).Select(i => prefix + i)];
        var cells = new ReferenceCells(Names("cell", n), SparseMatrix.FromDense(n, Genes, counts), [.. Enumerable.Range(0, n).Select(c => c / 2 % 2)], ["a", "b"]);
        return new Study(cells, states, typeOf, [.. typeOf.Select((t, c) => t == 1 ? 3 * state[c] : 0)], Mixtures.From(Names("patient", Patients), SparseMatrix.FromDense(Patients, Genes, bulk)), share, gone, eta,
            new SurvivalData(time, [.. time.Select(_ => random.NextUniform() < 0.8)]));
    }

    private static double Correlation(double[] a, double[] b) => Analysis.Statistics.Correlation.Pearson(a, b).Coefficient;

    private static double[] Column(double[] rows, int width, int column) => [.. Enumerable.Range(0, rows.Length / width).Select(i => rows[i * width + column])];

    private sealed record Study(ReferenceCells Cells, float[] States, int[] TypeOf, double[] Truth, Mixtures Mixtures, double[] Share, double[] MissingShare, double[] Eta, SurvivalData Survival)
    {
        internal HashSet<int> MarkerGenes => [.. Enumerable.Range(0, Genes).Where(g => g / Markers == 12)];

        internal CategoricalColumn Labels => CategoricalColumn.FromLabels([.. TypeOf.Select(t => t == 0 ? "quiet" : "stirring")]);

        // What a deconvolution finds that knows two types only.
        internal RowStore Shares()
        {
            var shares = new float[TypeOf.Length * Patients];
            for (int c = 0; c < TypeOf.Length; c++)
                for (int s = 0; s < Patients; s++) shares[c * Patients + s] = (float)((TypeOf[c] == 1 ? Share[s] : 1 - Share[s]) / CellsPerType);
            return new RowStore(TypeOf.Length, Patients, shares);
        }

        internal ContributionModel Learn(int[]? learn = null, int threads = 1)
        {
            learn ??= [.. Enumerable.Range(0, Patients)];
            var genes = new GeneParameters("test", Genes);
            genes.Scale.Span.Fill(0.5413f); // softplus: 1
            genes.Offset.Span.Fill(-20);
            genes.Dispersion.Span.Fill(100);
            return ContributionModel.Learn(States, Cells, Labels, genes, Mixtures, Shares(), learn,
                new PartialLikelihood(Survival.Subset(learn)), null, RandomKey.From(0, "test"), threads);
        }
    }
}
