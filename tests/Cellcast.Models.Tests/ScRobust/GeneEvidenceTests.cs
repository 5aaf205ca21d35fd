using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>What genes say by themselves, and how it is put together with what was learned.</summary>
public sealed class GeneEvidenceTests : IDisposable
{
    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    /// <summary>A head that is always for class 1 decides over a whole cell, whose genes are slightly for class 0, but not over a cell with a hundredth of the genes, whose evidence is a tenth.</summary>
    [Fact]
    public void What_was_learned_does_not_outvote_the_profiles_where_hardly_a_gene_is_left()
    {
        Assert.Equal([1, 1], Calls(fades: false));
        Assert.Equal([1, 0], Calls(fades: true));
    }

    [Fact]
    public void Evidence_does_not_depend_on_what_tokens_make_of_the_values()
    {
        CellSet plain = PretrainingTests.Cells(20), relative = PretrainingTests.Cells(20, preprocessing: new CellPreprocessing { RelativeValues = true });
        Assert.NotEqual(plain.ValuesOf(0).ToArray(), relative.ValuesOf(0).ToArray());
        int[] labels = [.. Enumerable.Range(0, 20).Select(c => c % 2)];
        var (a, lengthA) = GeneEvidence.ProfilesOf(plain, labels, 2);
        var (b, lengthB) = GeneEvidence.ProfilesOf(relative, labels, 2);
        Assert.Equal(lengthA, lengthB, 1e-4f);
        for (int i = 0; i < a.LogOdds.Length; i++) Assert.Equal(a.LogOdds.Span[i], b.LogOdds.Span[i], 1e-4f);
    }

    private int[] Calls(bool fades)
    {
        const int Genes = 400;
        float[] odds = [.. Enumerable.Range(0, Genes).SelectMany(_ => (float[])[0.05f, -0.05f])];
        float length = (float)(Math.Log(2) * Math.Sqrt(Genes));
        var evidence = new GeneEvidence(2, odds, length, fades);
        var batch = new EvidenceBatch();
        foreach (int genes in (int[])[Genes, Genes / 100]) evidence.Append(batch, [.. Enumerable.Range(GeneVocabulary.FirstGene, genes)], [.. Enumerable.Repeat(1f, genes)]);
        var tape = new Tape(_device, recordGradients: false);
        var logits = new double[4];
        evidence.Combine(tape, tape.Input([0, 2.5f, 0, 2.5f], 2, 2), batch, logits);
        return [logits[0] > logits[1] ? 0 : 1, logits[2] > logits[3] ? 0 : 1];
    }
}
