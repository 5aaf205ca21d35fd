using System.Globalization;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Classifiers and their encoders as earlier versions wrote them (classifier schema 1: a head alone; an encoder's file without half value, presence and relative values; schema 2: with evidence), with
/// the labels and vectors that these versions gave some cells.</summary>
public sealed class OlderFilesTests : IDisposable
{
    private static readonly string s_old = TestPaths.Fixture("scrobust", "classifier_v1");
    private readonly CpuDevice _device = new(2);
    private readonly TemporaryDirectory _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_classifier_of_schema_1_labels_as_it_did_when_it_was_written()
    {
        CellAnnotator annotator = CellAnnotator.Load(s_old);
        Assert.False(annotator.UsesEvidence);
        AssertLabelsAsWritten(annotator, s_old);
    }

    /// <summary>Schema 2 did not let what was learned fade with the depth of a cell, and made evidence of the values of tokens, also where an encoder takes relative ones.</summary>
    [Theory]
    [InlineData("classifier_v2")]
    [InlineData("classifier_v2_relative")]
    public void A_classifier_of_schema_2_labels_as_it_did_when_it_was_written_also_when_it_is_saved_again(string folder)
    {
        string old = TestPaths.Fixture("scrobust", folder);
        CellAnnotator annotator = CellAnnotator.Load(old);
        Assert.True(annotator.UsesEvidence);
        AssertLabelsAsWritten(annotator, old);
        annotator.Save(_folder.Path);
        AssertLabelsAsWritten(CellAnnotator.Load(_folder.Path), old);
    }

    [Fact]
    public void An_encoder_of_the_first_version_gives_the_vectors_that_it_gave()
    {
        ScRobustModel model = ScRobustModel.Load(s_old);
        Assert.Equal((0.0, false, false), (model.Encoder.Size.HalfValue, model.Preprocessing.Presence, model.Preprocessing.RelativeValues));
        AssertVectorsAsWritten(model, s_old, new EmbeddingOptions { Genes = 20 });
    }

    /// <summary>Its map was learned in another way; it is a matrix like any other.</summary>
    [Fact]
    public void An_encoder_whose_map_whitens_gives_the_vectors_that_it_gave_also_when_it_is_saved_again()
    {
        string old = TestPaths.Fixture("scrobust", "encoder_whitened");
        ScRobustModel model = ScRobustModel.Load(old);
        Assert.NotNull(model.VectorMap);
        AssertVectorsAsWritten(model, old, new EmbeddingOptions());
        model.Save(_folder.Path);
        AssertVectorsAsWritten(ScRobustModel.Load(_folder.Path), old, new EmbeddingOptions());
    }

    /// <summary>Its map was learned with another bound and other weights; they are in its file.</summary>
    [Fact]
    public void An_encoder_whose_map_bounds_gives_the_vectors_that_it_gave_also_when_it_is_saved_again()
    {
        string old = TestPaths.Fixture("scrobust", "encoder_bounded");
        ScRobustModel model = ScRobustModel.Load(old);
        Assert.False(model.VectorMap!.Centre.IsEmpty);
        AssertVectorsAsWritten(model, old, new EmbeddingOptions());
        model.Save(_folder.Path);
        AssertVectorsAsWritten(ScRobustModel.Load(_folder.Path), old, new EmbeddingOptions());
    }

    private void AssertVectorsAsWritten(ScRobustModel model, string folder, EmbeddingOptions options)
    {
        TextTable table = TextTable.Read(Path.Combine(folder, "vectors.csv"));
        float[] vectors = model.Embed(_device, model.Read(AnyFile.Read(Path.Combine(s_old, "cells.csv")), NoProgress.Instance), options, NoProgress.Instance);
        Assert.Equal(48 * 16, vectors.Length);
        for (int i = 0; i < vectors.Length; i++) Assert.Equal(Number(table.Columns[1 + i % 16][i / 16]), vectors[i], 1e-5);
    }

    [Fact]
    public void Saved_again_it_is_of_the_current_schema_and_labels_the_same()
    {
        CellAnnotator.Load(s_old).Save(_folder.Path);
        Assert.Contains("\"schema_version\": 3", File.ReadAllText(_folder["classifier.json"]), StringComparison.Ordinal);
        AssertLabelsAsWritten(CellAnnotator.Load(_folder.Path), s_old);
    }

    [Theory]
    [InlineData("classifier.json")]
    [InlineData("encoder.json")]
    public void A_schema_that_is_not_known_yet_is_refused_by_name(string file)
    {
        foreach (string name in new[] { "classifier.json", "classifier.safetensors", "encoder.json", "encoder.safetensors" }) File.Copy(Path.Combine(s_old, name), _folder[name]);
        File.WriteAllText(_folder[file], File.ReadAllText(_folder[file]).Replace("\"schema_version\": 1", "\"schema_version\": 99", StringComparison.Ordinal));
        string message = Assert.Throws<InputException>(() => CellAnnotator.Load(_folder.Path)).Message;
        Assert.Contains(file, message, StringComparison.Ordinal);
        Assert.Contains("newer version of cellcast (schema 99)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_beside_another_encoder_is_refused()
    {
        foreach (string name in new[] { "classifier.json", "classifier.safetensors", "encoder.json", "encoder.safetensors" }) File.Copy(Path.Combine(s_old, name), _folder[name]);
        byte[] weights = File.ReadAllBytes(_folder["encoder.safetensors"]);
        weights[^1] ^= 1;
        File.WriteAllBytes(_folder["encoder.safetensors"], weights);
        Assert.Contains("not of the same training", Assert.Throws<InputException>(() => CellAnnotator.Load(_folder.Path)).Message, StringComparison.Ordinal);
    }

    private void AssertLabelsAsWritten(CellAnnotator annotator, string old)
    {
        TextTable expected = TextTable.Read(Path.Combine(old, "labels.csv"));
        Annotations found = annotator.Annotate(_device, annotator.Model.Read(AnyFile.Read(Path.Combine(s_old, "cells.csv")), NoProgress.Instance), null, NoProgress.Instance);
        Assert.Equal(expected.Columns[1], found.Labels);
        Assert.Equal(expected.Columns[2], found.Best);
        Assert.Contains(CellAnnotator.Unknown, found.Labels);
        for (int c = 0; c < found.Labels.Length; c++)
        {
            Assert.Equal(Number(expected.Columns[3][c]), found.Confidence[c], 1e-5);
            for (int k = 0; k < 3; k++) Assert.Equal(Number(expected.Columns[4 + k][c]), found.Probabilities[c * 3 + k], 1e-5);
        }
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
